import { type KnownOptions, readOptions } from '../shared/check.ts';
import type { Transport } from '../transport/index.ts';
import { connect } from './connect.ts';
import type { Database } from './database.ts';
import { readSchema } from './tables.ts';

/** How a transport uses its tables. */
export interface StoreOptions<Session> {
  /** Your database, as `fromPg` and the like make it of your client. */
  readonly database: Database<Session>;
  /** The schema of the tables. @default 'mapbus' */
  readonly schema?: string | undefined;
  /** Whether missing tables are created. With `false`, run the SQL of `tables()` in a migration. @default true */
  readonly createTables?: boolean | undefined;
  /** Milliseconds after which the events of a process that shows no sign of life go to another one. @default 30_000 */
  readonly leaseMs?: number | undefined;
  /** Milliseconds after which a process looks for events, if no hint has come before. @default 1_000 */
  readonly pollMs?: number | undefined;
}

/** How a bus uses Postgres. */
export type PostgresOptions<Session> = StoreOptions<Session>;

export const STORE_OPTIONS: KnownOptions = {
  database: ['query', 'transaction'],
  schema: 'anything',
  createTables: 'boolean',
  leaseMs: 'positive milliseconds',
  pollMs: 'positive milliseconds',
};

/** The options that `postgres` and `outbox` share, with their defaults. */
export const readStoreOptions = <Session>(what: string, options: StoreOptions<Session>) => {
  const { database, createTables = true, leaseMs = 30_000, pollMs = 1_000 } = options;
  if (!database) throw new TypeError(`[mapbus] ${what}.database: expected a database, as fromPg(pool) makes it`);
  return { database, schema: readSchema(what, options.schema), createTables, leaseMs, pollMs };
};

/**
 * A transport over Postgres 15 or newer. An event that is published with a session exists if and only if the transaction of
 * that session commits.
 * @throws TypeError for a bad or missing option
 * @example
 * const database = fromPg(new Pool());
 * const bus = createServiceBus<AppEvents, PoolClient>({ service: 'shop', transport: postgres({ database }), sends: 'all' });
 */
export const postgres = <Session>(options: PostgresOptions<Session>): Transport<Session> => {
  const what = 'postgres options';
  readOptions(what, options, STORE_OPTIONS);
  const settings = readStoreOptions(what, options);
  return { connect: (context) => connect(settings, context) };
};
