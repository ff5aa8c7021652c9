import { exactlyOnce, fromPg, outbox, postgres } from 'mapbus/postgres';
import { createServiceBus, memory } from 'mapbus/service';
import type { Transport } from 'mapbus/transport';
import { Pool, type PoolClient } from 'pg';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { runContract } from '../server/run-contract.ts';
import { findPgBouncer } from '../server/support.ts';
import { contractSetup } from '../support.ts';

interface Events {
  'order.placed': { index: number };
}

const url = await findPgBouncer();

if (url !== undefined) {
  const pool = new Pool({ connectionString: url, max: 30 });
  const database = fromPg(pool);
  afterAll(() => pool.end());

  const createShop = (transport: Transport<PoolClient>, namespace: string) => {
    const bus = createServiceBus<Events, PoolClient>({
      service: 'shop',
      namespace,
      transport,
      sends: 'all',
      keys: { 'order.placed': ({ index }) => String(index % 5) },
    });
    onTestFinished(() => bus.close({ drainTimeoutMs: 0 }));
    return bus;
  };

  describe('through PgBouncer, which gives a connection to each transaction,', () => {
    it('an event of another process is found by polling', async () => {
      const namespace = crypto.randomUUID();
      const reader = createShop(postgres({ database: { ...database, listen: undefined }, pollMs: 100 }), namespace);
      const seen: number[] = [];
      reader.consume('order.placed', 'read', ({ index }) => seen.push(index));
      await reader.ready();
      // Another pool, as in another process: it gives no hint inside this one.
      const other = new Pool({ connectionString: url, max: 2 });
      const publisher = createShop(postgres({ database: fromPg(other) }), namespace);

      await publisher.publish('order.placed', { index: 1 });

      await expect.poll(() => seen, { timeout: 10_000 }).toEqual([1]);
      await publisher.close();
      await other.end();
    });

    it('an outbox relays what committed transactions have published, in the order of each key, exactly once', async () => {
      await pool.query('CREATE TABLE IF NOT EXISTS bouncer_effect (namespace text, index int)');
      const namespace = crypto.randomUUID();
      const { consume, publish, ready, idle } = createShop(
        outbox({ database, transport: memory(), pollMs: 100 }),
        namespace,
      );
      const handle = exactlyOnce(database, async ({ index }: { index: number }, { session }) => {
        await session.query('INSERT INTO bouncer_effect VALUES ($1, $2)', [namespace, index]);
      });
      consume('order.placed', 'write', handle, { order: 'key' });
      await ready();

      for (let index = 0; index < 50; index++)
        await database
          .transaction(async (session) => {
            await publish('order.placed', { index }, { session });
            if (index % 10 === 9) throw new Error('rolled back');
          })
          .catch(() => {});
      await idle();

      const { rows } = await pool.query('SELECT index FROM bouncer_effect WHERE namespace = $1', [namespace]);
      const effects = rows.map(({ index }) => index).sort((a, b) => a - b);
      expect(effects).toEqual(Array.from({ length: 50 }, (_, index) => index).filter((index) => index % 10 !== 9));
    });
  });

  runContract({ 'pg through PgBouncer': contractSetup(() => fromPg(pool), postgres) });
}
