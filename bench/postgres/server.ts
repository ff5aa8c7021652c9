// A server that writes to the disk as in production, and a database of its own for each measurement.
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { createBroker, folderOf } from '../../scripts/services/broker.ts';
import { postgresForBench as kind } from '../../scripts/services/postgres.ts';

export interface Database {
  readonly url: string;
  readonly pool: pg.Pool;
  /** Bytes of the log of the server until now. */
  readonly walBytes: () => Promise<number>;
  /** Bytes on the disk. */
  readonly diskBytes: () => Promise<number>;
  /** Opens a snapshot, which keeps the server from cleaning up. Returns what ends it. */
  readonly holdSnapshot: () => Promise<() => Promise<void>>;
}

kind.install(folderOf(kind.name));
await createBroker(kind).startFresh();
const url = `postgres://postgres@127.0.0.1:${kind.port}/postgres`;

export const inDatabase = async <Result>(run: (database: Database) => Promise<Result>): Promise<Result> => {
  const name = `bench_${crypto.randomUUID().replaceAll('-', '')}`;
  const server = new pg.Client(url);
  await server.connect();
  await server.query(`CREATE DATABASE ${name}`);
  const own = new URL(url);
  own.pathname = `/${name}`;
  const pool = new pg.Pool({ connectionString: own.href, max: 40 });
  pool.on('error', () => {});
  // graphile-worker asks for it.
  pool.on('connect', (client) => client.on('error', () => {}));
  const numberOf = async (sql: string) => Number((await pool.query(`SELECT (${sql})::text AS n`)).rows[0].n);
  const holdSnapshot = async () => {
    const client = await pool.connect();
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await client.query('SELECT 1');
    return async () => {
      await client.query('COMMIT');
      client.release();
    };
  };
  try {
    return await run({
      url: own.href,
      pool,
      walBytes: () => numberOf(`pg_current_wal_insert_lsn() - '0/0'::pg_lsn`),
      diskBytes: () => numberOf(`pg_database_size('${name}')`),
      holdSnapshot,
    });
  } finally {
    await pool.end();
    // A contender that still closes would fail if its connections were cut.
    await sleep(300);
    await server.query(`DROP DATABASE ${name}`).catch(() => {});
    await server.end();
  }
};

export const serverVersion = async (): Promise<string> => {
  const client = new pg.Client(url);
  await client.connect();
  const { rows } = await client.query('SHOW server_version');
  await client.end();
  return String(rows[0].server_version).split(' ')[0] ?? '';
};
