// What Postgres does as a transport, on a server of its own: rates, latency, and what one more consumer costs a publish.
import { setTimeout as sleep } from 'node:timers/promises';
import pg, { type PoolClient } from 'pg';
import { ensureService } from '../../scripts/services/main.ts';
import { exactlyOnce, fromPg, postgres } from '../../src/postgres/index.ts';
import { createServiceBus, type ServiceBusOptions } from '../../src/service/index.ts';

interface Events {
  'order.placed': { index: number; at: number; text: string };
}

const COUNT = Number(process.env.COUNT ?? 10_000);
const TEXT = 'x'.repeat(256);

const { url } = await ensureService('postgres');
const server = new pg.Pool({ connectionString: url, max: 1 });

/** A service in an empty database. */
const inDatabase = async (
  run: (parts: {
    readonly pool: pg.Pool;
    readonly createShop: (
      options?: Partial<ServiceBusOptions<Events, PoolClient>>,
    ) => ReturnType<typeof createServiceBus<Events, PoolClient>>;
  }) => Promise<void>,
): Promise<void> => {
  const name = `bench_${Math.random().toString(36).slice(2, 10)}`;
  await server.query(`CREATE DATABASE ${name}`);
  const own = new URL(url);
  own.pathname = `/${name}`;
  const pool = new pg.Pool({ connectionString: own.href, max: 20 });
  const createShop = (options: Partial<ServiceBusOptions<Events, PoolClient>> = {}) =>
    createServiceBus<Events, PoolClient>({
      service: 'shop',
      transport: postgres({ database: fromPg(pool) }),
      sends: 'all',
      contextStorage: false,
      maxPendingPublishes: 100_000,
      ...options,
    });
  await run({ pool, createShop });
  await pool.end();
  await server.query(`DROP DATABASE ${name} WITH (FORCE)`);
};

const show = (what: string, value: string) => console.log(`${what.padEnd(60)} ${value}`);
const rate = (count: number, sinceMs: number) => `${Math.round((count / (performance.now() - sinceMs)) * 1_000)}/s`;

/** Runs so many pieces of work, some at once. */
const inParallel = async (count: number, width: number, work: (index: number) => Promise<unknown>) => {
  let next = 0;
  const one = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: width }, one));
};

const payload = (index: number) => ({ index, at: performance.now(), text: TEXT });

for (const width of [8, 32])
  await inDatabase(async ({ createShop }) => {
    const bus = createShop();
    bus.consume('order.placed', 'read', () => sleep(100_000), { concurrency: 1 });
    await bus.ready();
    const startedAt = performance.now();
    await inParallel(COUNT, width, (index) => bus.publish('order.placed', payload(index)));
    show(`publish, ${width} at once`, rate(COUNT, startedAt));
    await bus.close({ drainTimeoutMs: 0 });
  });

for (const keys of [undefined, 100])
  for (const concurrency of [100, 10])
    await inDatabase(async ({ createShop }) => {
      const publisher = createShop(keys ? { keys: { 'order.placed': ({ index }) => String(index % keys) } } : {});
      const bus = createShop();
      let handled = 0;
      let finish = () => {};
      const finished = new Promise<void>((resolve) => {
        finish = resolve;
      });
      const order = keys ? ('key' as const) : undefined;
      const handle = () => {
        if (++handled === COUNT) finish();
      };
      const stop = publisher.consume('order.placed', 'read', handle, { order, concurrency });
      await publisher.ready();
      stop();
      await inParallel(COUNT, 200, (index) => publisher.publish('order.placed', payload(index)));
      handled = 0;
      const startedAt = performance.now();
      bus.consume('order.placed', 'read', handle, { order, concurrency });
      await finished;
      show(`handle, concurrency ${concurrency}${keys ? `, ${keys} keys in order` : ''}`, rate(COUNT, startedAt));
      await Promise.all([bus.close(), publisher.close()]);
    });

await inDatabase(async ({ pool, createShop }) => {
  await pool.query('CREATE TABLE charge (index int)');
  const bus = createShop();
  const count = COUNT / 5;
  let startedAt = performance.now();
  await inParallel(count, 10, (index) =>
    fromPg(pool).transaction((session) => session.query('INSERT INTO charge VALUES ($1)', [index])),
  );
  show('the write alone, in a transaction, 10 at once', rate(count, startedAt));
  let handled = 0;
  let finish = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const charge = exactlyOnce(fromPg(pool), async ({ index }: { index: number }, { session }) => {
    await session.query('INSERT INTO charge VALUES ($1)', [index]);
    if (++handled === count) finish();
  });
  const stop = bus.consume('order.placed', 'charge', charge, { concurrency: 10 });
  await bus.ready();
  stop();
  await inParallel(count, 200, (index) => bus.publish('order.placed', payload(index)));
  startedAt = performance.now();
  bus.consume('order.placed', 'charge', charge, { concurrency: 10 });
  await finished;
  show('exactlyOnce, concurrency 10', rate(count, startedAt));
  await bus.close();
});

await inDatabase(async ({ pool, createShop }) => {
  const bus = createShop();
  const tookMs: number[] = [];
  bus.consume('order.placed', 'read', ({ at }) => tookMs.push(performance.now() - at));
  await bus.ready();
  const database = fromPg(pool);
  for (let index = 0; index < 150; index++) {
    await sleep(20 + Math.random() * 20);
    await database.transaction((session) => bus.publish('order.placed', payload(index), { session }));
  }
  await sleep(1_500);
  tookMs.sort((a, b) => a - b);
  const part = (share: number) => tookMs[Math.floor(tookMs.length * share)]?.toFixed(1);
  show('from publish in a transaction to the handler, p50 and p99', `${part(0.5)} and ${part(0.99)} ms`);
  await bus.close();
});

for (const consumers of [1, 10, 100])
  await inDatabase(async ({ pool, createShop }) => {
    const bus = createShop({ maxEventBytes: 10_000 });
    for (let index = 0; index < consumers; index++) bus.consume('order.placed', `read-${index}`, () => {});
    await bus.ready();
    await bus.close();
    const publisher = createShop();
    const position = async (): Promise<number> =>
      Number((await pool.query(`SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn AS bytes`)).rows[0].bytes);
    const send = (index: number) => publisher.publish('order.placed', { ...payload(index), text: 'x'.repeat(4_000) });
    await inParallel(200, 50, send);
    await pool.query('CHECKPOINT');
    await inParallel(200, 50, send);
    const before = await position();
    const startedAt = performance.now();
    await inParallel(500, 50, send);
    const perEvent = ((await position()) - before) / 500;
    show(
      `publish 4 kB for ${consumers} consumers`,
      `${rate(500, startedAt)}, ${(perEvent / 1_000).toFixed(2)} kB of WAL each`,
    );
    await publisher.close();
  });

await server.end();
