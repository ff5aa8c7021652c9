// The same work by mapbus, pg-boss and graphile-worker.
import { setTimeout as sleep } from 'node:timers/promises';
import { Logger, makeWorkerUtils, run, runMigrations } from 'graphile-worker';
import type { PoolClient } from 'pg';
import PgBoss from 'pg-boss';
import { exactlyOnce, fromPg, postgres } from '../../src/postgres/index.ts';
import { createServiceBus } from '../../src/service/index.ts';
import { inParallel, type Payload, payloadOf } from './load.ts';
import type { Database } from './server.ts';

export interface Contender {
  readonly publish: (index: number) => Promise<unknown>;
  /** In the transaction of a client. */
  readonly publishIn: (client: PoolClient, index: number) => Promise<unknown>;
  /** Stores many, as quickly as it goes. */
  readonly fill: (count: number) => Promise<unknown>;
  /** Handles until it is stopped. */
  readonly handle: (concurrency: number, handler: (payload: Payload) => unknown) => Promise<() => Promise<unknown>>;
  /** Handles each in one transaction with a write of the handler. */
  readonly handleOnce?: (
    concurrency: number,
    write: (client: PoolClient, payload: Payload) => Promise<unknown>,
  ) => Promise<() => Promise<unknown>>;
  readonly close: () => Promise<unknown>;
}

interface Events {
  'order.placed': Payload;
}

const NAME = 'order.placed';

interface MapbusOptions {
  /** Whether new events are told of. */
  readonly listens?: boolean;
  readonly keys?: number;
}

export const mapbus = async ({ pool }: Database, { listens = true, keys }: MapbusOptions = {}): Promise<Contender> => {
  // Each bus has its own, as in a process of its own: within one, a publish would wake the others.
  const openDatabase = () => (listens ? fromPg(pool) : { ...fromPg(pool), listen: undefined });
  const create = () =>
    createServiceBus<Events, PoolClient>({
      service: 'shop',
      transport: postgres({ database: openDatabase() }),
      sends: 'all',
      contextStorage: false,
      maxPendingPublishes: 100_000,
      ...(keys && { keys: { [NAME]: ({ index }: Payload) => String(index % keys) } }),
    });
  const bus = create();
  const order = keys ? ('key' as const) : undefined;
  // So that events wait for it.
  const waiting = create();
  waiting.consume(NAME, 'read', () => {}, { order });
  await waiting.ready();
  await waiting.close();
  const handle: Contender['handle'] = async (concurrency, handler) => {
    const reader = create();
    reader.consume(NAME, 'read', (payload) => void handler(payload), { order, concurrency });
    await reader.ready();
    return () => reader.close();
  };
  const handleOnce: Contender['handleOnce'] = async (concurrency, write) => {
    const reader = create();
    const once = exactlyOnce(openDatabase(), (payload: Payload, { session }) => write(session, payload));
    reader.consume(NAME, 'read', once, { concurrency });
    await reader.ready();
    return () => reader.close();
  };
  return {
    publish: (index) => bus.publish(NAME, payloadOf(index)),
    publishIn: (session, index) => bus.publish(NAME, payloadOf(index), { session }),
    fill: (count) => inParallel(count, 500, (index) => bus.publish(NAME, payloadOf(index))),
    handle,
    handleOnce,
    close: () => bus.close(),
  };
};

/** Version 10 looks at most twice a second by itself, so it is asked again at once, as by its option `burst` of later versions. */
export const pgBoss = async ({ url, pool }: Database): Promise<Contender> => {
  const boss = new PgBoss({ connectionString: url, supervise: false, schedule: false, max: 40 });
  boss.on('error', () => {});
  await boss.start();
  await boss.createQueue('orders');
  const again = async (concurrency: number, work: (jobs: PgBoss.Job<Payload>[]) => Promise<unknown>) => {
    let isStopped = false;
    const loop = async () => {
      while (!isStopped) {
        const jobs = await boss.fetch<Payload>('orders', { batchSize: concurrency });
        if (jobs.length === 0) await sleep(20);
        else await work(jobs);
      }
    };
    const looping = loop();
    return () => {
      isStopped = true;
      return looping;
    };
  };
  const dbOf = (client: PoolClient) => ({
    executeSql: (text: string, values: unknown[]) => client.query(text, values),
  });
  return {
    publish: (index) => boss.send('orders', payloadOf(index)),
    publishIn: (client, index) => boss.send('orders', payloadOf(index), { db: dbOf(client) }),
    fill: (count) =>
      inParallel(Math.ceil(count / 500), 4, (batch) =>
        boss.insert(
          Array.from({ length: Math.min(500, count - batch * 500) }, (_, index) => ({
            name: 'orders',
            data: payloadOf(batch * 500 + index),
          })),
        ),
      ),
    handle: (concurrency, handler) =>
      again(concurrency, async (jobs) => {
        for (const { data } of jobs) handler(data);
        await boss.complete(
          'orders',
          jobs.map(({ id }) => id),
        );
      }),
    handleOnce: (concurrency, write) =>
      again(concurrency, (jobs) =>
        Promise.all(
          jobs.map(({ id, data }) =>
            fromPg(pool).transaction(async (client) => {
              await write(client, data);
              await boss.complete('orders', id, { db: dbOf(client) });
            }),
          ),
        ),
      ),
    close: () => boss.stop({ graceful: false }),
  };
};

/** At a high concurrency with its local queue, which takes many at once, and with outcomes in batches. */
export const graphileWorker = async ({ url, pool }: Database): Promise<Contender> => {
  await runMigrations({ connectionString: url });
  const utils = await makeWorkerUtils({ pgPool: pool });
  await pool.query(`INSERT INTO graphile_worker._private_tasks (identifier) VALUES ('order') ON CONFLICT DO NOTHING`);
  const handle: Contender['handle'] = async (concurrency, handler) => {
    const runner = await run({
      connectionString: url,
      noHandleSignals: true,
      logger: new Logger(() => () => {}),
      taskList: { order: async (payload) => void handler(payload as Payload) },
      preset: {
        worker: {
          maxPoolSize: 20,
          concurrentJobs: concurrency,
          ...(concurrency >= 100 && { localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 }),
        },
      },
    });
    return () => runner.stop();
  };
  return {
    publish: (index) => utils.addJob('order', payloadOf(index)),
    publishIn: (client, index) =>
      client.query('SELECT graphile_worker.add_job($1::text, payload := $2::json)', [
        'order',
        JSON.stringify(payloadOf(index)),
      ]),
    fill: (count) =>
      pool.query(
        `INSERT INTO graphile_worker._private_jobs (task_id, payload)
          SELECT t.id, json_build_object('index', n, 'at', 0, 'text', $1::text)
          FROM graphile_worker._private_tasks t, generate_series(1, $2::int) n WHERE t.identifier = 'order'`,
        ['x'.repeat(256), count],
      ),
    handle,
    close: async () => utils.release(),
  };
};

export const contenders = { mapbus, 'pg-boss': pgBoss, 'graphile-worker': graphileWorker };
