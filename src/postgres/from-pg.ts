import { withCommitHints } from './commit-hints.ts';
import type { Database, Row } from './database.ts';
import { createListener } from './pg-listener.ts';
import { refuseSession } from './refuse-session.ts';

/** What is used of a client of `pg` that is in a transaction. */
export interface PgSession {
  readonly query: (text: string, values?: unknown[]) => Promise<{ rows: unknown[] }>;
}

/** What is used of a client that a pool has lent. */
interface PgPoolClient extends PgSession {
  readonly release: (destroy?: boolean) => void;
}

/** What is used of a connection of a pool. */
interface PgConnection {
  readonly on: (event: 'error', listener: () => void) => unknown;
}

/** What is used of a pool of `pg`, or of what is made like it. */
export interface PgPool<Session> {
  readonly query: (text: string, values?: unknown[]) => Promise<{ rows: unknown[] }>;
  /** With a callback too: the compiler finds the session only among as many signatures as the pool has. */
  readonly connect: {
    (): Promise<Session>;
    (callback: never): unknown;
  };
  readonly on: {
    (event: 'error', listener: () => void): unknown;
    (event: 'connect', listener: (connection: PgConnection) => void): unknown;
  };
  readonly options?: { readonly max?: number | undefined } | undefined;
}

const ignore = () => {};

/** The pools whose errors are listened for. */
const heard = new WeakSet<object>();

/** Without a listener, a connection that is lost while no statement runs on it would end the process. */
const hearErrors = (pool: Pick<PgPool<unknown>, 'on'>): void => {
  if (heard.has(pool)) return;
  heard.add(pool);
  pool.on('error', ignore);
  pool.on('connect', (connection) => connection.on('error', ignore));
};

/**
 * The database of a pool of `pg`. Its session is a client of the pool that is in a transaction.
 * @example
 * const database = fromPg(new Pool({ connectionString }));
 */
export const fromPg = <Session extends PgPoolClient>(pool: PgPool<Session>): Database<Session> => {
  hearErrors(pool);

  const transaction: Database<Session>['transaction'] = async (run) => {
    const client = await pool.connect();
    let isBroken = false;
    try {
      await client.query('BEGIN');
      const result = await run(client);
      await client.query('COMMIT');
      return result;
    } catch (error) {
      await client.query('ROLLBACK').catch(() => {
        isBroken = true;
      });
      throw error;
    } finally {
      client.release(isBroken);
    }
  };
  return withCommitHints({
    query: async (text, values, session) => (await (session ?? pool).query(text, [...values])).rows as Row[],
    transaction,
    listen: createListener(pool),
    refuseSession: (session) =>
      typeof session === 'object' && session !== null && 'totalCount' in session
        ? 'expected a client that is in a transaction, got a pool'
        : refuseSession(pool, 'query')(session),
    maxConnections: pool.options?.max,
  });
};
