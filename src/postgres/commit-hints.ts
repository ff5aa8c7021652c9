import type { Database } from './database.ts';
import { tellCommitted } from './hints.ts';

/** Events of a transaction that was run by the database itself are looked for as soon as it has committed. */
export const withCommitHints = <Session>(database: Database<Session>): Database<Session> => {
  const hinting: Database<Session> = {
    ...database,
    transaction: async (run) => {
      const result = await database.transaction(run);
      tellCommitted(hinting);
      return result;
    },
  };
  return hinting;
};
