import { setTimeout as sleep } from 'node:timers/promises';
import { fromPg, outbox, postgres } from 'mapbus/postgres';
import { createServiceBus } from 'mapbus/service';
import type { PoolClient } from 'pg';
import { expect, it } from 'vitest';
import { createFaultProxy } from '../../../scripts/services/proxy.ts';
import { scaled } from '../../faults/scale.ts';
import { report, untilNoneIsLeft } from '../../faults/support.ts';
import { createDatabase, insist, openSite, startWorker, until } from './support.ts';

interface Events {
  'order.placed': { index: number; key: string };
}

const SILENT = { debug: () => {}, warn: () => {}, error: () => {} };

const site = await openSite();

if (site) {
  const countOf = async (client: { query: PoolClient['query'] }, sql: string) =>
    Number((await client.query(`SELECT count(*)::int AS count FROM (${sql}) rows`)).rows[0].count);

  it('every committed order has one effect in each service, while processes, the server and connections die', async () => {
    const { url, pool, close } = await createDatabase(site);
    const proxy = await createFaultProxy(site.port);
    const proxied = url.replace(String(site.port), String(proxy.port));
    const services = ['billing', 'mail'];
    const options = { url: proxied, names: ['order.placed'], failing: 50 };
    const workers = await Promise.all(
      services.flatMap((service) => [1, 2].map(() => startWorker({ ...options, service }))),
    );
    const database = fromPg(pool);
    const transport = postgres({ database, pollMs: 200 });
    const bus = createServiceBus<Events, PoolClient>({
      service: 'shop',
      transport,
      sends: 'all',
      keys: { 'order.placed': ({ key }) => key },
      logger: SILENT,
    });
    const count = scaled(20_000);
    let placed = 0;
    let failures = 0;
    const place = async (index: number) => {
      const key = `k${index % 100}`;
      try {
        await database.transaction(async (session) => {
          await session.query('INSERT INTO orders (id, index, key) VALUES ($1, $2, $3)', [String(index), index, key]);
          const { error } = await bus.publish('order.placed', { index, key }, { session });
          if (error) throw error;
          if (index % 20 === 7) throw new Error('rolled back on purpose');
        });
      } catch {
        failures++;
        // The server may be away.
        if (index % 20 !== 7) await sleep(50);
      }
      placed++;
    };
    let next = 0;
    const write = async () => {
      while (next < count) await place(next++);
    };
    const writing = Promise.all(Array.from({ length: 8 }, write));
    const progress = (part: number) => until('progress', async () => placed >= count * part);

    const [kills, cuts, rounds] = [Math.max(1, scaled(3)), scaled(20), Math.max(2, scaled(5))];
    const faults = [
      ...Array.from({ length: kills }, () => site.kill),
      ...Array.from({ length: cuts }, () => async () => proxy.cut()),
      ...Array.from({ length: rounds }, () => async () => {
        await Promise.all(workers.map(({ restart }) => restart()));
      }),
    ].sort(() => Math.random() - 0.5);
    for (const [index, fail] of faults.entries()) {
      await progress(index / faults.length);
      await fail();
    }
    await writing;

    const missing = `SELECT o.id, s FROM orders o CROSS JOIN unnest(ARRAY['billing', 'mail']) s
      WHERE NOT EXISTS (SELECT FROM effect e WHERE e.service = s AND e.index = o.index)`;
    await untilNoneIsLeft(() => countOf(pool, missing));
    // What came twice would come now.
    await sleep(500);
    const counts = await insist(async () => ({
      orders: await countOf(pool, 'SELECT FROM orders'),
      effects: await countOf(pool, 'SELECT FROM effect'),
      missing: await countOf(pool, missing),
      withoutOrder: await countOf(
        pool,
        'SELECT FROM effect e WHERE NOT EXISTS (SELECT FROM orders o WHERE o.index = e.index)',
      ),
      twice: await countOf(pool, 'SELECT FROM effect GROUP BY service, index HAVING count(*) > 1'),
      dead: await countOf(pool, 'SELECT FROM mapbus.dead_letter'),
    }));
    const deaths = { transactions: count, failures, processKills: rounds * 4, serverKills: kills, cuts };
    report('postgres, everything dies', { ...deaths, ...counts });
    await Promise.all([bus.close(), ...workers.map(({ stop }) => stop())]);
    await proxy.close();
    await close();
    expect(counts).toEqual({
      orders: counts.orders,
      effects: 2 * counts.orders,
      missing: 0,
      withoutOrder: 0,
      twice: 0,
      dead: 0,
    });
    expect(counts.orders).toBeGreaterThan(count / 2);
  });

  it('two relays that are killed lose nothing, and keep the order of each key', async () => {
    const { url, pool, close } = await createDatabase(site);
    const broker = 'broker';
    const relays = await Promise.all([1, 2].map(() => startWorker({ url, service: 'shop', broker })));
    const database = fromPg(pool);
    const inBroker = postgres({ database, schema: broker, pollMs: 100, leaseMs: 2_000 });
    const reader = createServiceBus<Events>({
      service: 'reader',
      transport: inBroker as never,
      sends: 'all',
      logger: SILENT,
    });
    const seen: { index: number; key: string }[] = [];
    reader.consume('order.placed', 'read', (payload) => seen.push(payload), { order: 'key', concurrency: 100 });
    await reader.ready();
    // This process only publishes.
    const transport = outbox({ database, transport: inBroker, relay: false });
    const bus = createServiceBus<Events, PoolClient>({
      service: 'shop',
      transport,
      sends: 'all',
      keys: { 'order.placed': ({ key }) => key },
      logger: SILENT,
    });
    await bus.ready();
    await pool.query('CREATE TABLE counter (key text PRIMARY KEY, next int NOT NULL)');
    await pool.query(`INSERT INTO counter SELECT 'k' || n, 0 FROM generate_series(0, 99) n`);
    const count = scaled(10_000);
    let published = 0;
    const publishOne = async (index: number) => {
      await database.transaction(async (session) => {
        // The lock of the row puts the transactions of a key in order.
        const key = `k${index % 100}`;
        const { rows } = await session.query('UPDATE counter SET next = next + 1 WHERE key = $1 RETURNING next', [key]);
        await bus.publish('order.placed', { index: rows[0].next, key }, { session });
        await sleep(Math.random() * 5);
      });
      published++;
    };
    let next = 0;
    const write = async () => {
      while (next < count) await publishOne(next++);
    };
    const writing = Promise.all(Array.from({ length: 8 }, write));
    const rounds = Math.max(2, scaled(5));
    for (let round = 0; round < rounds; round++) {
      await until('progress', async () => published >= (count * round) / rounds);
      await Promise.all(relays.map(({ restart }) => restart()));
    }
    await writing;

    const distinct = () => new Set(seen.map(({ key, index }) => `${key} ${index}`));
    await untilNoneIsLeft(() => count - distinct().size);
    const firsts = new Map<string, number[]>();
    for (const { key, index } of seen) {
      const list = firsts.get(key) ?? [];
      if (!list.includes(index)) firsts.set(key, [...list, index]);
    }
    const disordered = [...firsts.values()].filter((list) => list.some((index, place) => index !== place + 1)).length;
    const counts = { events: count, seen: distinct().size, duplicates: seen.length - distinct().size, disordered };
    report(`postgres, two relays killed ${rounds} times`, counts);
    await Promise.all([bus.close(), reader.close(), ...relays.map(({ stop }) => stop())]);
    await close();
    expect(counts).toMatchObject({ seen: count, disordered: 0 });
  });

  it('a process that is frozen in its transaction is freed by the server, and the effect happens once', async () => {
    const { url, pool, close } = await createDatabase(site);
    const options = { url, service: 'billing', names: ['order.placed'], idleMs: 1_500, leaseMs: 2_000 };
    const frozen = await startWorker({ ...options, delayMs: 500 });
    const database = fromPg(pool);
    const bus = createServiceBus<Events, PoolClient>({
      service: 'shop',
      transport: postgres({ database }),
      sends: 'all',
      logger: SILENT,
    });
    await bus.publish('order.placed', { index: 1, key: 'a' });
    // Its effect is inserted, and not committed.
    await until(
      'the transaction',
      async () =>
        (await countOf(
          pool,
          `SELECT FROM pg_stat_activity WHERE state = 'idle in transaction' AND query LIKE '%effect%'`,
        )) > 0,
    );
    frozen.freeze();
    const other = await startWorker(options);

    await until('the effect', async () => (await countOf(pool, 'SELECT FROM effect')) > 0, 30_000);
    frozen.thaw();
    await sleep(1_500);

    expect(await countOf(pool, 'SELECT FROM effect')).toBe(1);
    await Promise.all([bus.close(), frozen.stop(), other.stop()]);
    await close();
  });
}
