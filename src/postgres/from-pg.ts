import { withCommitHints } from './commit-hints.ts';
import { type Database, isAnswer, type Row, type Value } from './database.ts';
import { hiddenFailure } from './hidden-failure.ts';
import { createListener } from './pg-listener.ts';
import { refuseSession } from './refuse-session.ts';

/** What is used of a client of `pg` that is in a transaction. */
export interface PgSession {
  readonly query: (text: string, values?: unknown[]) => Promise<{ rows: unknown[]; command?: string }>;
  /** `'I'` outside of a transaction. */
  readonly getTransactionStatus?: (() => unknown) | undefined;
}

/** What is used of a client that a pool has lent. */
interface PgPoolClient extends PgSession, PgEmitter {
  readonly release: (destroy?: boolean) => void;
}

interface PgEmitter {
  readonly on: (event: 'error', listener: () => void) => unknown;
}

interface PgPoolEvents {
  readonly on: {
    (event: 'error', listener: () => void): unknown;
    (event: 'connect', listener: (client: PgEmitter) => void): unknown;
  };
}

/** What is used of a pool of `pg`, or of what is made like it. */
export interface PgPool<Session> extends PgPoolEvents {
  /** With a callback too: the compiler finds the session only among as many signatures as the pool has. */
  readonly connect: {
    (): Promise<Session>;
    (callback: never): unknown;
  };
  readonly options?: { readonly max?: number | undefined } | undefined;
}

const ignore = () => {};

/** The pools and connections whose errors are listened for. */
const heard = new WeakSet<object>();

/** Without a listener, a connection that is lost while no statement runs on it would end the process. */
const hearErrors = (emitter: PgEmitter): void => {
  if (heard.has(emitter)) return;
  heard.add(emitter);
  emitter.on('error', ignore);
};

/**
 * The database of a pool of `pg`. Its session is a client of the pool that is in a transaction.
 * @example
 * const database = fromPg(new Pool({ connectionString }));
 */
export const fromPg = <Session extends PgPoolClient>(pool: PgPool<Session>): Database<Session> => {
  if (!heard.has(pool)) {
    hearErrors(pool);
    // Before the client is lent: a server that ends may say so right after it has let the client in.
    pool.on('connect', hearErrors);
  }

  /** Lends a client to a function, which says when the connection of the client is lost. */
  const withClient = async <Result>(run: (client: Session, lose: () => void) => Promise<Result>): Promise<Result> => {
    const client = await pool.connect();
    hearErrors(client);
    let isLost = false;
    try {
      return await run(client, () => {
        isLost = true;
      });
    } finally {
      client.release(isLost);
    }
  };
  const transaction: Database<Session>['transaction'] = (run) =>
    withClient(async (client, lose) => {
      try {
        await client.query('BEGIN');
        const result = await run(client);
        const { command } = await client.query('COMMIT');
        if (command === 'ROLLBACK') throw hiddenFailure();
        return result;
      } catch (error) {
        // Fails only with the connection.
        await client.query('ROLLBACK').catch(lose);
        throw error;
      }
    });
  const rowsOf = async (client: PgSession, text: string, values: readonly Value[]) =>
    (await client.query(text, [...values])).rows as Row[];
  const queryAlone = (text: string, values: readonly Value[]) =>
    withClient(async (client, lose) => {
      try {
        return await rowsOf(client, text, values);
      } catch (error) {
        if (!isAnswer(error)) lose();
        throw error;
      }
    });
  return withCommitHints({
    query: (text, values, session) => (session ? rowsOf(session, text, values) : queryAlone(text, values)),
    transaction,
    listen: createListener(pool),
    refuseSession: (session) =>
      typeof session === 'object' && session !== null && 'totalCount' in session
        ? 'expected a client that is in a transaction, got a pool'
        : refuseSession(pool, 'query')(session),
    isInTransaction: (session) => {
      const status = session.getTransactionStatus?.();
      return typeof status === 'string' ? status !== 'I' : undefined;
    },
    maxConnections: pool.options?.max,
  });
};
