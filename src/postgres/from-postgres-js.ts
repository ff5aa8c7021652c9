import { withCommitHints } from './commit-hints.ts';
import type { Database, Row } from './database.ts';
import { refuseSession } from './refuse-session.ts';

/** What is used of a transaction of `postgres`. */
export interface PostgresJsSession {
  readonly unsafe: (text: string, values?: never[]) => PromiseLike<readonly unknown[]>;
}

/** What is used of `postgres`. */
export interface PostgresJsClient<Session> {
  readonly unsafe: (text: string, values?: never[]) => PromiseLike<readonly unknown[]>;
  readonly begin: <Result>(run: (session: Session) => Promise<Result>) => Promise<unknown>;
  readonly listen: (
    channel: string,
    wake: (payload: string) => void,
    connected?: () => void,
  ) => Promise<{ readonly unlisten: () => Promise<void> }>;
  readonly options: { readonly max: number };
}

/**
 * The database of `postgres` (Postgres.js). Its session is the `sql` of a transaction.
 * @example
 * const database = fromPostgresJs(postgres(url));
 */
export const fromPostgresJs = <Session extends PostgresJsSession>(
  client: PostgresJsClient<Session>,
): Database<Session> =>
  withCommitHints({
    query: async (text, values, session) => (await (session ?? client).unsafe(text, [...values] as never[])) as Row[],
    transaction: async <Result>(run: (session: Session) => Promise<Result>) => (await client.begin(run)) as Result,
    listen: async (channel, wake) => {
      const { unlisten } = await client.listen(channel, wake, wake);
      return unlisten;
    },
    refuseSession: (session) =>
      typeof session === 'function' && 'begin' in session
        ? 'expected the sql of a transaction, got that of the client'
        : refuseSession(client, 'unsafe')(session),
    maxConnections: client.options.max,
  });
