import { setTimeout as sleep } from 'node:timers/promises';
import { fromPg, type OutboxOptions, outbox, postgres } from 'mapbus/postgres';
import { createServiceBus, memory, type ServiceBusOptions } from 'mapbus/service';
import type { Connection, Transport } from 'mapbus/transport';
import { Pool, type PoolClient } from 'pg';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { claimedOf, claimStatement, claimStatementValues } from '../../../src/postgres/claim-statement.ts';
import { tablesOf } from '../../../src/postgres/tables.ts';
import { createRecordingLogger } from '../../service/support.ts';
import { createGate } from '../../support.ts';
import { findServer } from './support.ts';

interface Events {
  'order.placed': { index: number; key?: string };
}

const url = await findServer();

if (url !== undefined) {
  const pool = new Pool({ connectionString: url, max: 10 });
  pool.on('error', () => {});
  afterAll(() => pool.end());

  const createShop = (
    transport: Transport<PoolClient>,
    options: Partial<ServiceBusOptions<Events, PoolClient>> = {},
  ) => {
    const { logger, logged } = createRecordingLogger();
    const bus = createServiceBus<Events, PoolClient>({
      service: 'shop',
      namespace: crypto.randomUUID(),
      transport,
      sends: 'all',
      logger,
      consumers: { retryDelayMs: 1 },
      ...options,
    });
    onTestFinished(() => bus.close({ drainTimeoutMs: 0 }));
    return { ...bus, logged };
  };
  const uniqueSchema = () => {
    const schema = `t_${Math.random().toString(36).slice(2, 10)}`;
    onTestFinished(async () => {
      await pool.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
    });
    return schema;
  };

  describe('the tables', () => {
    it('are created by eight processes at once', async () => {
      const schema = uniqueSchema();
      const pools = Array.from({ length: 8 }, () => new Pool({ connectionString: url, max: 2 }));
      const shops = pools.map((each) => createShop(postgres({ database: fromPg(each), schema })));
      for (const { consume } of shops) consume('order.placed', 'read', () => {});

      await Promise.all(shops.map(({ ready }) => ready()));

      expect(shops.flatMap(({ logged }) => logged('event_transport_trouble'))).toEqual([]);
      await Promise.all(shops.map(({ close }) => close()));
      await Promise.all(pools.map((each) => each.end()));
    });

    it('cannot be created by a role without the right, and the error names the statement', async () => {
      const role = `role_${Math.random().toString(36).slice(2, 10)}`;
      await pool.query(`CREATE ROLE ${role} LOGIN PASSWORD 'secret-word'`);
      const address = new URL(url);
      address.username = role;
      address.password = 'secret-word';
      const poor = new Pool({ connectionString: address.href, max: 1 });
      const { publish } = createShop(postgres({ database: fromPg(poor), schema: uniqueSchema() }));

      const { error } = await publish('order.placed', { index: 1 });

      expect(error).toMatchObject({ code: 'transport_unavailable', outcome: 'not-sent' });
      expect(error?.message).toMatch(/may not run CREATE SCHEMA .*permission denied.*tables\(\)/);
      expect(error?.message).not.toContain('secret-word');
      await poor.end();
      await pool.query(`DROP ROLE ${role}`);
    });
  });

  it('a database that is away refuses events without telling the password, and is not connected', async () => {
    const away = new Pool({ connectionString: 'postgres://user:secret-word@127.0.0.1:1/shop', max: 1 });
    const { publish, health, logged } = createShop(postgres({ database: fromPg(away) }));

    const { error } = await publish('order.placed', { index: 1 });

    expect(error).toMatchObject({ code: 'transport_unavailable', outcome: 'not-sent' });
    expect(health().connected).toBe(false);
    const told = JSON.stringify([
      error?.message,
      logged('event_transport_trouble').map(({ fields }) => String(fields.error)),
    ]);
    expect(told).not.toContain('secret-word');
    await away.end();
  });

  it('a pool of one connection is enough for publishes and consumers', async () => {
    const one = new Pool({ connectionString: url, max: 1 });
    const { consume, publish, ready, idle, close } = createShop(postgres({ database: fromPg(one), pollMs: 50 }));
    const seen: number[] = [];
    consume('order.placed', 'read', ({ index }) => seen.push(index));
    await ready();

    await Promise.all(Array.from({ length: 100 }, (_, index) => publish('order.placed', { index })));
    await idle();

    expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, index) => index));
    await close();
    await one.end();
  });

  it('a key that waits with 50,000 events before others does not slow a claim down', async () => {
    const schema = uniqueSchema();
    const database = fromPg(pool);
    const { consume, ready, close } = createShop(postgres({ database, schema }), { namespace: 'blocked' });
    consume('order.placed', 'read', () => {}, { order: 'key' });
    await ready();
    await close();
    const names = tablesOf(schema);
    const { rows } = await pool.query(`SELECT consumer, id FROM ${names.subscription}`);
    const [{ consumer, id }] = rows;
    await pool.query(
      `INSERT INTO ${names.event} (id, name, body, headers) SELECT n, 'order.placed', '{}', '{}' FROM generate_series(1, 50500) n`,
    );
    await pool.query(
      `INSERT INTO ${names.delivery} (event, consumer, subscription, key_hash, taken_until)
        SELECT n, $1, $2, CASE WHEN n <= 50000 THEN 7 END, CASE WHEN n = 1 THEN now() + interval '1 h' ELSE '-infinity' END
        FROM generate_series(1, 50500) n`,
      [consumer, id],
    );
    await pool.query(`ANALYZE ${names.delivery}`);
    const claim = () => {
      const wanted = [{ consumer: String(consumer), room: 100, floor: '0' }];
      return database.query(claimStatement(names), claimStatementValues([], wanted, [String(id)], 30_000));
    };
    await claim();

    const startedAt = performance.now();
    const taken = claimedOf(await claim());
    const tookMs = performance.now() - startedAt;

    console.log(`a claim behind a blocked key with 50,000 events: ${tookMs.toFixed(1)} ms`);
    expect(taken).toHaveLength(100);
    expect(tookMs).toBeLessThan(500);
  });

  describe('an outbox', () => {
    /** A transport in memory that does something before each publish. */
    const createTransport = (before: (signal: AbortSignal) => Promise<void>): Transport => {
      const inner = memory();
      return {
        connect: (context): Connection => {
          const connection = inner.connect(context);
          const publish: Connection['publish'] = async (message, publishing) => {
            await before(publishing.signal);
            return connection.publish(message, publishing);
          };
          return { ...connection, publish };
        },
      };
    };
    /** A transport whose broker is away until it is told to be back. */
    const createAway = () => {
      let isAway = true;
      const transport = createTransport(async () => {
        if (isAway) throw new Error('the broker is away');
      });
      return {
        transport,
        comeBack: () => {
          isAway = false;
        },
      };
    };
    /** A transport that answers only when it is told to, and notes each publish. */
    const createSlow = () => {
      const answer = createGate();
      const signals: AbortSignal[] = [];
      const transport = createTransport(async (signal) => {
        signals.push(signal);
        await answer.promise;
      });
      return { transport, signals, answer: answer.open };
    };
    const open = (options: Partial<OutboxOptions<PoolClient>> & Pick<OutboxOptions<PoolClient>, 'transport'>) =>
      outbox({ database: fromPg(pool), pollMs: 50, ...options });

    it('keeps events while the broker is away, in the order of their keys, and says so once', async () => {
      const { transport, comeBack } = createAway();
      const { consume, publish, ready, logged } = createShop(open({ transport }), {
        keys: { 'order.placed': ({ key }) => key ?? '' },
      });
      const seen: string[] = [];
      consume('order.placed', 'read', ({ index, key }) => seen.push(`${key}${index}`), { order: 'key' });
      await ready();
      for (let index = 0; index < 20; index++)
        for (const key of ['a', 'b']) await publish('order.placed', { index, key });
      await expect.poll(() => logged('event_relay_failed').length).toBeGreaterThan(1);
      expect(seen).toEqual([]);

      comeBack();

      await expect.poll(() => seen, { timeout: 30_000, interval: 100 }).toHaveLength(40);
      for (const key of ['a', 'b'])
        expect(seen.filter((each) => each.startsWith(key))).toEqual(
          Array.from({ length: 20 }, (_, index) => `${key}${index}`),
        );
      expect(logged('event_relay_failed').filter(({ level }) => level === 'warn')).toHaveLength(1);
    }, 60_000);

    it('gives events once to a broker that answers after the limit of time', async () => {
      const { transport, signals, answer } = createSlow();
      const { consume, publish, ready, idle, logged } = createShop(open({ transport }), { publishTimeoutMs: 100 });
      const seen: number[] = [];
      consume('order.placed', 'read', ({ index }) => seen.push(index));
      await ready();
      // Each is late once the one before it would have been tried again.
      const indices = [1, 2, 3, 4, 5];
      for (const index of indices) {
        await publish('order.placed', { index });
        await expect.poll(() => logged('event_relay_failed')).toHaveLength(index);
      }
      const error = { message: 'The transport has not answered within 100 ms' };
      expect(logged('event_relay_failed')).toMatchObject(
        ['warn', 'debug', 'debug', 'debug', 'debug'].map((level) => ({ level, fields: { error } })),
      );

      answer();
      await idle();

      expect(seen.toSorted()).toEqual(indices);
      expect(signals).toHaveLength(5);
    });

    it('withdraws an event from its transport once another process has it', async () => {
      const { transport, signals } = createSlow();
      const schema = uniqueSchema();
      const { publish, close } = createShop(open({ transport, schema, leaseMs: 400 }));
      await publish('order.placed', { index: 1 });
      await expect.poll(() => signals).toHaveLength(1);

      await pool.query(`UPDATE ${schema}.delivery SET claims = claims + 1`);

      await expect.poll(() => signals[0]?.aborted).toBe(true);
      expect(signals[0]?.reason).toMatchObject({ message: expect.stringContaining('another process') });
      await close();
    });

    it('asks the database for nothing more after a close during which its transport did not answer', async () => {
      const { transport, signals } = createSlow();
      let statements = 0;
      const database = fromPg(pool);
      const query: typeof database.query = (...given) => {
        statements++;
        return database.query(...given);
      };
      const { publish, close } = createShop(open({ transport, database: { ...database, query } }));
      await publish('order.placed', { index: 1 });
      await expect.poll(() => signals).toHaveLength(1);

      await close();
      const before = statements;
      await sleep(500);

      expect(statements).toBe(before);
    });

    it('says once that nobody gets an event', async () => {
      const { publish, idle, logged } = createShop(open({ transport: memory() }));

      await publish('order.placed', { index: 1 });
      await publish('order.placed', { index: 2 });
      await idle();

      expect(logged('event_unrouted')).toHaveLength(1);
    });
  });
}
