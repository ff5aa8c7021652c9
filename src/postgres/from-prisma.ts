import { withCommitHints } from './commit-hints.ts';
import type { Database, Row } from './database.ts';
import { tellingHiddenFailures } from './hidden-failure.ts';
import { refuseSession } from './refuse-session.ts';

/** What is used of a client of Prisma, and of one in a transaction. */
export interface PrismaSession {
  readonly $queryRawUnsafe: <Result>(text: string, ...values: unknown[]) => PromiseLike<Result>;
}

/** What is used of a client of Prisma. */
export interface PrismaClient<Session> extends PrismaSession {
  readonly $transaction: <Result>(
    run: (session: Session) => Promise<Result>,
    options?: { readonly timeout?: number; readonly maxWait?: number },
  ) => Promise<Result>;
}

/** Prisma ends a transaction after five seconds, if it is not told otherwise. */
export interface PrismaOptions {
  /** Milliseconds after which Prisma ends a transaction of `exactlyOnce`. @default 60_000 */
  readonly timeoutMs?: number | undefined;
  /** Milliseconds that it waits for a connection. @default 10_000 */
  readonly maxWaitMs?: number | undefined;
}

/**
 * The database of a client of Prisma. Its session is the `tx` of an interactive transaction.
 * @example
 * const database = fromPrisma(new PrismaClient({ adapter }));
 */
export const fromPrisma = <Session extends PrismaSession>(
  client: PrismaClient<Session>,
  { timeoutMs = 60_000, maxWaitMs = 10_000 }: PrismaOptions = {},
): Database<Session> => {
  const query: Database<Session>['query'] = async (text, values, session) =>
    (session ?? client).$queryRawUnsafe<Row[]>(text, ...values);
  return withCommitHints({
    query,
    transaction: tellingHiddenFailures(
      (run) => client.$transaction(run, { timeout: timeoutMs, maxWait: maxWaitMs }),
      query,
    ),
    refuseSession: (session) =>
      typeof session === 'object' && session !== null && '$transaction' in session && session === client
        ? 'expected the tx of a transaction, got the client itself'
        : refuseSession(client, '$queryRawUnsafe')(session),
  });
};
