import { withCommitHints } from './commit-hints.ts';
import type { Database, Row } from './database.ts';
import { tellingHiddenFailures } from './hidden-failure.ts';
import { refuseSession } from './refuse-session.ts';

/** What is used of an entity manager of TypeORM. */
export interface TypeormSession {
  readonly query: (text: string, values?: never) => Promise<unknown>;
  readonly queryRunner?: { readonly isTransactionActive: boolean } | undefined;
}

/** What is used of a data source of TypeORM. */
export interface TypeormClient<Session> {
  readonly manager: Session;
  readonly transaction: <Result>(run: (session: Session) => Promise<Result>) => Promise<Result>;
}

/**
 * The database of a data source of TypeORM. Its session is the entity manager of a transaction.
 * @example
 * const database = fromTypeorm(dataSource);
 */
export const fromTypeorm = <Session extends TypeormSession>(client: TypeormClient<Session>): Database<Session> => {
  const query: Database<Session>['query'] = async (text, values, session) =>
    (await (session ?? client.manager).query(text, [...values] as never)) as Row[];
  return withCommitHints({
    query,
    transaction: tellingHiddenFailures((run) => client.transaction(run), query),
    isInTransaction: ({ queryRunner }) => queryRunner?.isTransactionActive,
    refuseSession: (session) =>
      session === client.manager
        ? 'expected the manager of a transaction, got that of the data source'
        : refuseSession(client, 'query')(session),
  });
};
