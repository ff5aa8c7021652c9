import { setTimeout as sleep } from 'node:timers/promises';
import { fromPg, postgres } from 'mapbus/postgres';
import { createServiceBus } from 'mapbus/service';
import { Pool, type PoolClient } from 'pg';
import { afterAll, expect, it } from 'vitest';
import { claimStatement } from '../../../src/postgres/claim-statement.ts';
import { createCleaning } from '../../../src/postgres/cleaning.ts';
import { createInbox } from '../../../src/postgres/inbox.ts';
import { tablesOf } from '../../../src/postgres/tables.ts';
import { findServer } from './support.ts';

interface Events {
  'order.placed': { index: number };
}

const url = await findServer();

if (url !== undefined) {
  // A database of its own: a snapshot that is held keeps the server from cleaning up all tables of a database.
  const name = `load_${crypto.randomUUID().replaceAll('-', '')}`;
  const server = new Pool({ connectionString: url, max: 1 });
  await server.query(`CREATE DATABASE ${name}`);
  const own = new URL(url);
  own.pathname = `/${name}`;
  const pool = new Pool({ connectionString: own.href, max: 20 });
  const database = fromPg(pool);
  afterAll(async () => {
    await pool.end();
    await server.query(`DROP DATABASE ${name} WITH (FORCE)`);
    await server.end();
  });

  const createShop = (namespace: string, given = database) =>
    createServiceBus<Events, PoolClient>({
      service: 'shop',
      namespace,
      transport: postgres({ database: given, pollMs: 100 }),
      sends: 'all',
      maxPendingPublishes: 10_000,
    });
  /** Publishes and waits until all are handled. @returns how many a second */
  const handleSome = async (bus: ReturnType<typeof createShop>, seen: Set<number>, from: number, count: number) => {
    const startedAt = performance.now();
    await Promise.all(
      Array.from({ length: count }, (_, index) => bus.publish('order.placed', { index: from + index })),
    );
    await expect.poll(() => seen.size, { timeout: 60_000, interval: 10 }).toBe(from + count);
    return (count / (performance.now() - startedAt)) * 1_000;
  };

  it('events flow while a snapshot keeps the server from cleaning up', async () => {
    const claim = claimStatement(tablesOf('mapbus'));
    /** Where the claims begin to look: the sixth value. */
    const floors: number[] = [];
    const bus = createShop('snapshot', {
      ...database,
      query: (text, values, session) => {
        if (text === claim) floors.push(Number(/\d+/.exec(values[5] ?? '')?.[0] ?? 0));
        return database.query(text, values, session);
      },
    });
    const seen = new Set<number>();
    bus.consume('order.placed', 'read', ({ index }) => seen.add(index), { concurrency: 50 });
    await bus.ready();
    const holder = await pool.connect();
    await holder.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await holder.query('SELECT 1');

    const rates: number[] = [];
    for (let round = 0; round < 10; round++) rates.push(await handleSome(bus, seen, round * 1_500, 1_500));
    const countDead = async (): Promise<number> => {
      const statement = `SELECT n_dead_tup::int AS dead FROM pg_stat_user_tables WHERE schemaname = 'mapbus' AND relname = 'delivery'`;
      return (await pool.query(statement)).rows[0].dead;
    };
    // The server counts a little later.
    await expect.poll(countDead, { timeout: 20_000 }).toBeGreaterThan(15_000);
    console.log(`a snapshot held over 15,000 events: ${rates.map(Math.round).join(', ')}/s`);
    expect(seen.size).toBe(15_000);
    const highestFloor = async (): Promise<number> => {
      await handleSome(bus, seen, seen.size, 10);
      return Math.max(...floors);
    };
    // A claim begins behind the dead rows, which stand before the others. Where that is, is looked up from time to time.
    await expect.poll(highestFloor, { timeout: 20_000 }).toBeGreaterThan(5_000);
    await holder.query('COMMIT');
    holder.release();

    await bus.close();
  }, 300_000);

  it('what waits for an expired consumer is removed in statements of 1,000 rows, while events flow', async () => {
    const names = tablesOf('mapbus');
    const bus = createShop('cleaning');
    const seen = new Set<number>();
    bus.consume('order.placed', 'read', ({ index }) => seen.add(index), { concurrency: 50 });
    await bus.ready();
    // A consumer of a process that is gone, with 6,000 events.
    const { rows } = await pool.query(
      `INSERT INTO ${names.consumer} (namespace, service, name, is_ordered, expires_after, seen_at)
        VALUES ('cleaning', 'old', 'gone', false, '1 s', now() - interval '1 h') RETURNING id`,
    );
    await pool.query(
      `WITH stored AS (INSERT INTO ${names.event} (name, body, headers) SELECT 'order.placed', '{}', '{}' FROM generate_series(1, 6000) RETURNING id)
        INSERT INTO ${names.delivery} (event, consumer, subscription) SELECT id, $1, 0 FROM stored`,
      [rows[0].id],
    );
    const reported: unknown[] = [];
    const counts: number[] = [];
    const clean = createCleaning(
      names,
      async (text, values) => {
        const result = await database.query(text, values);
        counts.push(...result.map(({ count }) => Number(count ?? 0)));
        return result;
      },
      (_level, message, fields) => reported.push([message, fields]),
    );

    let isCleaning = true;
    const cleaning = clean().finally(() => {
      isCleaning = false;
    });
    let published = 0;
    do {
      await handleSome(bus, seen, published, 100);
      published += 100;
    } while (isCleaning);
    await cleaning;

    expect(Math.max(...counts)).toBeLessThanOrEqual(1_000);
    expect(reported).toHaveLength(6);
    expect(reported[0]).toEqual([
      'event_lost',
      { service: 'old', consumer: 'gone', count: 1_000, reason: 'consumer_expired' },
    ]);
    const left = await pool.query(`SELECT FROM ${names.consumer} WHERE service = 'old'`);
    expect(left.rows).toEqual([]);
    await bus.idle();
    // Two processes may leave an event of nobody behind, until the next cleaning.
    await clean();
    expect((await pool.query(`SELECT FROM ${names.event}`)).rows).toEqual([]);
    await bus.close();
  }, 120_000);

  it('the inbox forgets what is older than its retention in statements of 1,000 rows, while events are handled', async () => {
    const names = tablesOf('mapbus');
    await pool.query(
      `INSERT INTO ${names.inbox} (consumer, source, id, handled_at)
        SELECT 'c', '/', n::text, now() - CASE WHEN n <= 3500 THEN interval '8 d' ELSE interval '1 d' END FROM generate_series(1, 4000) n`,
    );
    const counts: number[] = [];
    const counting: typeof database = {
      ...database,
      query: async (text, values, session) => {
        const rows = await database.query(text, values, session);
        if (session === undefined) counts.push(Number(rows[0]?.count));
        return rows;
      },
    };
    const inbox = createInbox({ database: counting, names, retentionMs: 7 * 86_400_000, idleMs: 30_000 });

    const cleaning = inbox.cleanAll();
    const handled = await database.transaction(async (session) => {
      const isFirst = await inbox.isFirst({ consumer: 'c', source: '/', id: 'new' }, session);
      await sleep(20);
      return isFirst;
    });
    await cleaning;

    expect(handled).toBe(true);
    expect(counts).toEqual([1_000, 1_000, 1_000, 500]);
    const { rows } = await pool.query(`SELECT count(*)::int AS count FROM ${names.inbox}`);
    expect(rows).toEqual([{ count: 501 }]);
  }, 60_000);
}
