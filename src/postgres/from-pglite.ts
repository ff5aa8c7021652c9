import { withCommitHints } from './commit-hints.ts';
import type { Database, Row } from './database.ts';
import { refuseSession } from './refuse-session.ts';

/** What is used of a transaction of PGlite. */
export interface PgliteSession {
  readonly query: (text: string, values?: unknown[]) => Promise<{ rows: unknown[] }>;
}

/** What is used of PGlite. */
export interface PgliteClient<Session> {
  readonly query: (text: string, values?: unknown[]) => Promise<{ rows: unknown[] }>;
  readonly transaction: <Result>(run: (session: Session) => Promise<Result>) => Promise<Result>;
  readonly listen: (channel: string, callback: (payload: string) => void) => Promise<() => Promise<void>>;
}

/**
 * A database of PGlite, which runs in this process. It has one connection: what is done outside of a transaction waits for
 * its end.
 * @example
 * const database = fromPglite(new PGlite('./data'));
 */
export const fromPglite = <Session extends PgliteSession>(client: PgliteClient<Session>): Database<Session> =>
  withCommitHints({
    query: async (text, values, session) => (await (session ?? client).query(text, [...values])).rows as Row[],
    transaction: (run) => client.transaction(run),
    listen: (channel, wake) => client.listen(channel, wake),
    // PGlite refuses a statement of a transaction that has ended.
    isInTransaction: () => true,
    refuseSession: refuseSession(client, 'query'),
    maxConnections: 1,
  });
