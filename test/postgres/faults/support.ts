import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'pg';
import { createBroker, folderOf, type OwnBroker } from '../../../scripts/services/broker.ts';
import { postgresForFaults } from '../../../scripts/services/postgres.ts';
import { tryToInstall } from '../../../scripts/try-to-install.ts';
import { startProcess } from '../../faults/worker-process.ts';

/** A server that may be killed. */
export interface Site {
  readonly url: string;
  readonly port: number;
  readonly kill: () => Promise<void>;
}

/** A server that was killed starts only when the last of its processes has ended. */
const startAgain = async ({ start }: OwnBroker): Promise<void> => {
  for (let attempt = 1; ; attempt++) {
    try {
      await start();
      return;
    } catch (error) {
      if (attempt === 20) throw error;
      await sleep(500);
    }
  }
};

/** The server. Missing where none can be installed. */
export const openSite = async (): Promise<Site | undefined> => {
  let site: Site | undefined;
  await tryToInstall('postgres', async () => {
    postgresForFaults.install(folderOf(postgresForFaults.name));
    const own = createBroker(postgresForFaults);
    await own.startFresh();
    const kill = async () => {
      await own.kill();
      await startAgain(own);
    };
    const { port } = postgresForFaults;
    site = { url: `postgres://postgres@127.0.0.1:${port}/postgres`, port, kill };
  });
  return site;
};

/** A database of its own on the server. */
export const createDatabase = async ({ url }: Site) => {
  const name = `faults_${Math.random().toString(36).slice(2, 10)}`;
  const server = new Pool({ connectionString: url, max: 1 });
  await server.query(`CREATE DATABASE ${name}`);
  const own = new URL(url);
  own.pathname = `/${name}`;
  const pool = new Pool({ connectionString: own.href, max: 20, connectionTimeoutMillis: 5_000 });
  // A connection that the server ends while it is not in use.
  for (const each of [server, pool]) each.on('error', () => {});
  await pool.query('CREATE TABLE orders (id text PRIMARY KEY, index int, key text)');
  await pool.query(
    'CREATE TABLE effect (n bigint GENERATED ALWAYS AS IDENTITY, service text, id text, index int, key text)',
  );
  const close = async () => {
    await pool.end();
    await server.query(`DROP DATABASE ${name} WITH (FORCE)`);
    await server.end();
  };
  return { url: own.href, pool, close };
};

interface WorkerOptions {
  readonly url: string;
  readonly service: string;
  readonly names?: readonly string[];
  readonly leaseMs?: number;
  readonly delayMs?: number;
  readonly idleMs?: number;
  readonly failing?: number;
  /** The schema of a transport behind an outbox. */
  readonly broker?: string;
}

/** A process of a service, started again as often as it is killed. */
export const startWorker = (options: WorkerOptions) => startProcess(new URL('worker.mjs', import.meta.url), options);

/** Waits for something that only asking tells. */
export const until = async (what: string, holds: () => Promise<boolean>, timeoutMs = 120_000): Promise<void> => {
  const deadline = Date.now() + timeoutMs;
  // The server may be away.
  while (!(await holds().catch(() => false))) {
    if (Date.now() > deadline) throw new Error(`Waited ${timeoutMs} ms for ${what}`);
    await sleep(100);
  }
};

/** Tries again until it succeeds: what is away comes back. */
export const insist = async <Result>(run: () => Promise<Result>): Promise<Result> => {
  for (let attempt = 1; ; attempt++) {
    try {
      return await run();
    } catch (error) {
      if (attempt === 100) throw error;
      await sleep(100);
    }
  }
};
