import { withoutZero } from './as-text.ts';
import type { Database } from './database.ts';
import type { Tables } from './tables.ts';

/** Makes the COMMIT of a transaction fail with a reason. */
export const insertVeto = async <Session>(
  { query }: Database<Session>,
  { veto }: Tables,
  session: Session,
  reason: string,
): Promise<void> => {
  await query(
    `WITH refused AS (INSERT INTO ${veto} (reason) VALUES ($1::text) RETURNING reason) SELECT reason FROM refused`,
    [withoutZero(reason)],
    session,
  );
};
