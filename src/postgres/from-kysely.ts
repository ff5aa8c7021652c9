import { withCommitHints } from './commit-hints.ts';
import type { Database, Row, Value } from './database.ts';
import { refuseSession } from './refuse-session.ts';

/** What is used of Kysely, and of a transaction of it. */
export interface KyselySession {
  readonly executeQuery: (query: never) => Promise<{ readonly rows: unknown[] }>;
}

/** What is used of Kysely. */
export interface KyselyClient<Session> extends KyselySession {
  readonly transaction: () => {
    readonly execute: <Result>(run: (session: Session) => Promise<Result>) => Promise<Result>;
  };
}

/** What is used of `CompiledQuery` of Kysely. */
export interface KyselyCompiledQuery {
  readonly raw: (text: string, values: unknown[]) => unknown;
}

/**
 * The database of Kysely. Its session is the `trx` of a transaction.
 * @param compiledQuery `CompiledQuery` of `kysely`
 * @example
 * const database = fromKysely(new Kysely<Tables>({ dialect }), CompiledQuery);
 */
export const fromKysely = <Session extends KyselySession>(
  client: KyselyClient<Session>,
  compiledQuery: KyselyCompiledQuery,
): Database<Session> => {
  const compile = (text: string, values: readonly Value[]) => compiledQuery.raw(text, [...values]) as never;
  return withCommitHints({
    query: async (text, values, session) =>
      (await (session ?? client).executeQuery(compile(text, values))).rows as Row[],
    transaction: (run) => client.transaction().execute(run),
    // Kysely refuses a statement of a transaction that has ended.
    isInTransaction: () => true,
    refuseSession: (session) =>
      (session as { readonly isTransaction?: unknown } | null)?.isTransaction === false
        ? 'expected the trx of a transaction, got the database itself'
        : refuseSession(client, 'executeQuery')(session),
  });
};
