import { withCommitHints } from './commit-hints.ts';
import type { Database, Row, Value } from './database.ts';
import { tellingHiddenFailures } from './hidden-failure.ts';
import { refuseSession } from './refuse-session.ts';

/** What is used of a database of Drizzle, and of a transaction of it. */
export interface DrizzleSession {
  readonly execute: (query: never) => PromiseLike<unknown>;
}

/** What is used of a database of Drizzle. */
export interface DrizzleClient<Session> extends DrizzleSession {
  readonly transaction: <Result>(run: (session: Session) => Promise<Result>) => Promise<Result>;
}

/** What is used of the function `sql` of Drizzle. */
export interface DrizzleSql {
  (strings: TemplateStringsArray, ...values: unknown[]): unknown;
  readonly raw: (text: string) => unknown;
  readonly join: (parts: never[]) => unknown;
}

/** A statement of Drizzle has its values between its parts. */
const toQuery = (sql: DrizzleSql, text: string, values: readonly Value[]): unknown => {
  const parts = text
    .split(/\$(\d+)/)
    .map((part, index) => (index % 2 === 0 ? sql.raw(part) : sql`${values[Number(part) - 1]}`));
  return sql.join(parts as never[]);
};

/** Its drivers give an object with rows, or the rows. */
const rowsOf = (result: unknown): Row[] =>
  (Array.isArray(result) ? result : (result as { readonly rows: unknown[] }).rows) as Row[];

/**
 * The database of Drizzle over `pg`, `postgres` or PGlite. Its session is the `tx` of a transaction.
 * @param sql the function `sql` of `drizzle-orm`
 * @example
 * const database = fromDrizzle(drizzle(pool), sql);
 */
export const fromDrizzle = <Session extends DrizzleSession>(
  client: DrizzleClient<Session>,
  sql: DrizzleSql,
): Database<Session> => {
  const query: Database<Session>['query'] = async (text, values, session) =>
    rowsOf(await (session ?? client).execute(toQuery(sql, text, values) as never));
  return withCommitHints({
    query,
    transaction: tellingHiddenFailures((run) => client.transaction(run), query),
    refuseSession: refuseSession(client, 'execute', 'rollback'),
  });
};
