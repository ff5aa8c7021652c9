import { PGlite, type Transaction } from '@electric-sql/pglite';
import { fromPglite, postgres } from 'mapbus/postgres';
import { createServiceBus, type ServiceBusOptions } from 'mapbus/service';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';

interface Events {
  'order.placed': { orderId: string };
}

// To start one takes seconds. Each test has a namespace of its own in it.
const client = new PGlite();
const database = fromPglite(client);
beforeAll(() => client.exec('CREATE TABLE orders (id text PRIMARY KEY)'), 60_000);

const createShop = async (options: Partial<ServiceBusOptions<Events, Transaction>> = {}) => {
  const bus = createServiceBus<Events, Transaction>({
    service: 'shop',
    namespace: crypto.randomUUID(),
    transport: postgres({ database: fromPglite(client), pollMs: 50 }),
    sends: 'all',
    logger: { debug: () => {}, warn: () => {}, error: () => {} },
    consumers: { retryDelayMs: 1 },
    ...options,
  });
  onTestFinished(() => bus.close({ drainTimeoutMs: 0 }));
  const seen: string[] = [];
  bus.consume('order.placed', 'collect', ({ orderId }) => seen.push(orderId));
  await bus.ready();
  return { ...bus, seen };
};

const insertOrder = (session: Transaction, id: string) => session.query('INSERT INTO orders VALUES ($1)', [id]);
const hasOrder = async (id: string) => (await client.query('SELECT FROM orders WHERE id = $1', [id])).rows.length === 1;

describe('an event that is published with a session', () => {
  it('arrives if the transaction commits, and not if it rolls back', async () => {
    const { publish, seen, idle } = await createShop();
    const place = (orderId: string, fails: boolean) =>
      database.transaction(async (session) => {
        await insertOrder(session, orderId);
        await publish('order.placed', { orderId }, { session });
        if (fails) throw new Error('rolled back');
      });

    await place('committed', false);
    await expect(place('rolled back', true)).rejects.toThrow('rolled back');
    await idle();

    expect(seen).toEqual(['committed']);
  });

  it('stays when a handler rolls its savepoint back', async () => {
    const { publish, subscribe, seen, idle } = await createShop();
    subscribe('order.placed', async (_, { session }) => {
      await session?.exec('SAVEPOINT one');
      await new Promise((resolve) => setTimeout(resolve, 5));
      await session?.exec('ROLLBACK TO one');
    });

    await database.transaction(async (session) => {
      await Promise.all([1, 2].map((n) => publish('order.placed', { orderId: `o-${n}` }, { session })));
    });
    await idle();

    expect(seen.sort()).toEqual(['o-1', 'o-2']);
  });

  it('makes the commit fail with the reason when it is refused', async () => {
    const { publish } = await createShop({ maxEventBytes: 300 });

    const committing = database.transaction(async (session) => {
      await insertOrder(session, 'o-1');
      await publish('order.placed', { orderId: 'x'.repeat(300) }, { session });
    });

    await expect(committing).rejects.toThrow(/order\.placed: too_large: Cannot publish/);
    expect(await hasOrder('o-1')).toBe(false);
  });

  it('is refused with the database in the place of a session', async () => {
    const { publish } = await createShop();

    const { error } = await publish('order.placed', { orderId: 'o-1' }, { session: client as never });

    expect(error).toMatchObject({
      code: 'session_unsupported',
      message: expect.stringContaining('the database itself'),
    });
  });

  it('is refused with a client that is in no transaction', async () => {
    const { publish } = await createShop();

    const { error } = await publish(
      'order.placed',
      { orderId: 'o-1' },
      { session: { query: client.query.bind(client) } as never },
    );

    expect(error).toMatchObject({ code: 'transport_unavailable', outcome: 'not-sent' });
    expect(error?.message).toContain('LOCK TABLE can only be used in transaction blocks');
  });

  it('takes one statement of the session, after the first one', async () => {
    const { publish } = await createShop();
    await database.transaction((session) => publish('order.placed', { orderId: 'first' }, { session }));

    const count = await database.transaction(async (session) => {
      const query = vi.spyOn(session, 'query');
      await publish('order.placed', { orderId: 'second' }, { session });
      return query.mock.calls.length;
    });

    expect(count).toBe(1);
  });
});

describe('the tables', () => {
  it('are not created with createTables: false, and the error names tables()', async () => {
    const bus = createServiceBus<Events, Transaction>({
      service: 'shop',
      transport: postgres({ database: fromPglite(client), schema: 'nowhere', createTables: false }),
      sends: 'all',
      logger: { debug: () => {}, warn: () => {}, error: () => {} },
    });
    onTestFinished(() => bus.close());

    const { error } = await bus.publish('order.placed', { orderId: 'o-1' });

    expect(error).toMatchObject({ code: 'transport_unavailable', message: expect.stringContaining('tables()') });
  });
});
