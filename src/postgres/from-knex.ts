import { withCommitHints } from './commit-hints.ts';
import type { Database, Row, Value } from './database.ts';
import { tellingHiddenFailures } from './hidden-failure.ts';
import { refuseSession } from './refuse-session.ts';

/** What is used of Knex, and of a transaction of it. */
export interface KnexSession {
  readonly raw: (text: string, values: never) => PromiseLike<{ readonly rows: unknown[] }>;
  /** Of a transaction. */
  readonly isCompleted?: (() => boolean) | undefined;
}

/** What is used of Knex. */
export interface KnexClient<Session> extends KnexSession {
  readonly transaction: <Result>(run: (session: Session) => Promise<Result>) => Promise<Result>;
}

/** Knex has question marks in the place of numbers, and reads each value once. */
const toKnex = (text: string, values: readonly Value[]) => {
  const used: Value[] = [];
  const withMarks = text.replace(/\$(\d+)/g, (_, number) => {
    used.push(values[Number(number) - 1] ?? null);
    return '?';
  });
  return [withMarks, used] as const;
};

/**
 * The database of Knex with the client `pg`. Its session is the `trx` of a transaction.
 * @example
 * const database = fromKnex(knex({ client: 'pg', connection }));
 */
export const fromKnex = <Session extends KnexSession>(client: KnexClient<Session>): Database<Session> => {
  const query: Database<Session>['query'] = async (text, values, session) => {
    const [withMarks, used] = toKnex(text, values);
    return (await (session ?? client).raw(withMarks, used as never)).rows as Row[];
  };
  return withCommitHints({
    query,
    transaction: tellingHiddenFailures((run) => client.transaction(run), query),
    isInTransaction: (session) => (session.isCompleted ? !session.isCompleted() : undefined),
    refuseSession: (session) =>
      (session as { readonly isTransaction?: unknown } | null)?.isTransaction === true
        ? undefined
        : (refuseSession(client, 'raw')(session) ?? 'expected the trx of a transaction, got the database itself'),
  });
};
