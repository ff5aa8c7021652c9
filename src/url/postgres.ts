import type { Pool } from 'pg';
import type { Database } from '../postgres/index.ts';
import type { Transport } from '../transport/index.ts';
import { load } from './load.ts';
import { type KnownQuery, readQuery } from './query.ts';

/** Options of the client `pg`. */
const CLIENT_OPTIONS: KnownQuery = {
  application_name: 'text',
  connect_timeout: 'number',
  max: 'number',
  options: 'text',
  sslcert: 'text',
  sslkey: 'text',
  sslmode: 'text',
  sslrootcert: 'text',
};

const OPTIONS: KnownQuery = { createTables: 'text', leaseMs: 'number', pollMs: 'number', schema: 'text' };

/** A connection whose bytes just stop is given up. Else a consumer would wait for its answer for hours. */
const LIMITS = { keepAlive: true, connectionTimeoutMillis: 10_000, query_timeout: 30_000 };

const loadPostgres = () => load(() => import('../postgres/index.ts'), 'pg');

const toBoolean = (text: unknown): unknown => (text === 'true' ? true : text === 'false' ? false : text);

/** Each connection of a bus has a pool of its own, which is closed with it. */
const withPool = (open: () => Pool, toTransport: (pool: Pool) => Transport): Transport => ({
  connect: (context) => {
    const pool = open();
    const connection = toTransport(pool).connect(context);
    let closing: Promise<void> | undefined;
    const closeAll = async () => {
      await connection.close();
      await pool.end();
    };
    const close = () => {
      closing ??= closeAll();
      return closing;
    };
    return { ...connection, close };
  },
});

/** `postgres://user:password@host:port/database`; or `postgres:` alone for a database that is given. */
export const openPostgres = async (url: string, database?: Database<unknown>): Promise<Transport> => {
  const { createTables, leaseMs, pollMs, schema, ...client } = readQuery(url, { ...OPTIONS, ...CLIENT_OPTIONS });
  const options = { createTables: toBoolean(createTables), leaseMs, pollMs, schema } as object;
  const { fromPg, postgres } = await loadPostgres();
  if (database) return postgres({ ...options, database });
  const [address = ''] = url.split('?');
  if (!/^postgres(ql)?:\/\/./.test(address) || !URL.canParse(address))
    throw new TypeError('[mapbus] transportFromUrl: expected postgres://, a host and a database');
  const { default: pg } = await load(() => import('pg'), 'pg');
  const { max, ...rest } = client;
  const query = new URLSearchParams(Object.entries(rest).map(([name, value]) => [name, String(value)]));
  const connectionString = query.size > 0 ? `${address}?${query}` : address;
  const open = () => new pg.Pool({ ...LIMITS, connectionString, ...(max !== undefined && { max: Number(max) }) });
  // Options are checked now, and not by the first bus.
  postgres({ ...options, database: { query: async () => [], transaction: (run) => run(undefined) } });
  return withPool(open, (pool) => postgres({ ...options, database: fromPg(pool) }) as Transport);
};

/** Puts an outbox before a transport. */
export const putOutbox = async (transport: Transport, database: Database<unknown>): Promise<Transport> => {
  const { outbox } = await loadPostgres();
  return outbox({ database, transport });
};
