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
  readonly on: (event: 'error', listener: (error: Error) => void) => unknown;
  readonly off: (event: 'error', listener: (error: Error) => void) => unknown;
}

/** What is used of a pool of `pg`, or of what is made like it. */
export interface PgPool<Session> {
  readonly query: (text: string, values?: unknown[]) => Promise<{ rows: unknown[] }>;
  readonly connect: () => Promise<Session>;
  readonly on: (event: 'error', listener: (error: Error) => void) => unknown;
  readonly options?: { readonly max?: number | undefined } | undefined;
}

const ignore = () => {};

/** The pools that have a listener for errors already. */
const heard = new WeakSet<object>();

/**
 * The database of a pool of `pg`. Its session is a client of the pool that is in a transaction.
 * @example
 * const database = fromPg(new Pool({ connectionString }));
 */
export const fromPg = <Session extends PgPoolClient>(pool: PgPool<Session>): Database<Session> => {
  // Without a listener, a connection that is lost while it is not in use would end the process.
  if (!heard.has(pool)) pool.on('error', ignore);
  heard.add(pool);

  const transaction: Database<Session>['transaction'] = async (run) => {
    const client = await pool.connect();
    let isBroken = false;
    const lost = () => {
      isBroken = true;
    };
    // A server that ends the session while the handler waits for something else is noticed here first.
    client.on('error', lost);
    try {
      await client.query('BEGIN');
      const result = await run(client);
      await client.query('COMMIT');
      return result;
    } catch (error) {
      await client.query('ROLLBACK').catch(lost);
      throw error;
    } finally {
      client.off('error', lost);
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
