import { inspect } from 'node:util';
import { type Database, exactlyOnce, postgres } from 'mapbus/postgres';
import { createServiceBus, type ServiceBusOptions } from 'mapbus/service';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { findServer } from '../server/support.ts';
import { type Layer, layers } from './layers.ts';

interface Events {
  'order.placed': { orderId: string };
}

const SILENT = { debug: () => {}, warn: () => {}, error: () => {} };

/** A shop over a database. Its names are its own. */
const createShop = async (database: Database<unknown>, options: Partial<ServiceBusOptions<Events, unknown>> = {}) => {
  const bus = createServiceBus<Events, unknown>({
    service: 'shop',
    namespace: crypto.randomUUID(),
    transport: postgres({ database, pollMs: 50 }),
    sends: 'all',
    logger: SILENT,
    consumers: { retryDelayMs: 1 },
    ...options,
  });
  onTestFinished(() => bus.close({ drainTimeoutMs: 0 }));
  const seen: string[] = [];
  bus.consume('order.placed', 'collect', ({ orderId }) => seen.push(orderId), { order: 'key' });
  await bus.ready();
  return { ...bus, seen };
};

type Shop = Awaited<ReturnType<typeof createShop>>;

/** Each way in which an event of a transaction is refused, by its code. */
const refusals: readonly [
  code: string,
  publishRefused: (bus: Shop, session: unknown) => Promise<unknown>,
  options?: Partial<ServiceBusOptions<Events, unknown>>,
][] = [
  [
    'too_large',
    ({ publish }, session) => publish('order.placed', { orderId: 'x'.repeat(300) }, { session }),
    { maxEventBytes: 300 },
  ],
  ['not_serializable', ({ publish }, session) => publish('order.placed', { orderId: 1n as never }, { session })],
  ['invalid_name', ({ publish }, session) => publish('order\0placed' as never, { orderId: 'o-1' }, { session })],
  [
    'invalid_options',
    ({ publish }, session) =>
      publish('order.placed', { orderId: 'o-1' }, { session, occurredAt: new Date('+010000-01-01') }),
  ],
  [
    'transport_unavailable',
    ({ publish }, session) => {
      // The only one that may be under way.
      void publish('order.placed', { orderId: 'o-1' });
      return publish('order.placed', { orderId: 'o-2' }, { session });
    },
    { maxPendingPublishes: 1 },
  ],
  [
    'closed',
    async ({ publish, close }, session) => {
      await close();
      await publish('order.placed', { orderId: 'o-1' }, { session });
    },
  ],
];

const url = await findServer();
const available = Object.entries(layers).filter(([name]) => url !== undefined || name.includes('PGlite'));

describe.each(available)('%s', (_, open) => {
  let layer: Layer;
  const query: Database<unknown>['query'] = (...parts) => layer.database.query(...parts);
  const countOrders = async (id: string) =>
    Number((await query('SELECT count(*)::text AS count FROM layer_orders WHERE id = $1::text', [id]))[0]?.count);
  const insertOrder = (id: string, session: unknown) =>
    query('INSERT INTO layer_orders (id) VALUES ($1::text)', [id], session);

  beforeAll(async () => {
    layer = await open(url ?? '');
    await query('CREATE TABLE IF NOT EXISTS layer_orders (id text)', []);
  }, 60_000);
  afterAll(() => layer.close());

  it('keeps any text as it is', async () => {
    const text = `'"\\ $1 ? {} NULL \u{1f600} \n\u0001`;
    const [row] = await query('SELECT $2::text AS two, $1::text AS one, $2::text AS again, $3::text AS nothing', [
      'x',
      text,
      null,
    ]);
    expect(row).toEqual({ one: 'x', two: text, again: text, nothing: null });
  });

  it('delivers the events of a transaction that commits, and not those of one that rolls back', async () => {
    const { publish, seen, idle } = await createShop(layer.database);
    const place = (orderId: string, fails: boolean) =>
      layer.database.transaction(async (session) => {
        await insertOrder(orderId, session);
        await publish('order.placed', { orderId }, { session });
        if (fails) throw new Error('rolled back');
      });

    await place('committed', false);
    await expect(place('rolled back', true)).rejects.toThrow('rolled back');
    await idle();

    expect(seen).toEqual(['committed']);
  });

  it('keeps an event when a handler rolls its savepoint back', async () => {
    const { publish, subscribe, seen, idle } = await createShop(layer.database);
    subscribe('order.placed', async (_event, { session }) => {
      await query('SAVEPOINT one', [], session);
      await query('ROLLBACK TO one', [], session);
    });

    await layer.database.transaction((session) => publish('order.placed', { orderId: 'o-1' }, { session }));
    await idle();

    expect(seen).toEqual(['o-1']);
  });

  describe.each(refusals)(
    'fails to commit without an event that was refused as %s',
    (code, publishRefused, options) => {
      it('and says why', async () => {
        const bus = await createShop(layer.database, options);
        const id = crypto.randomUUID();

        const committing = layer.database.transaction(async (session) => {
          await insertOrder(id, session);
          // Nobody looks at its result.
          await publishRefused(bus, session);
        });

        // Drizzle and Prisma have the error of the server as a cause.
        const error = await committing.then(
          () => undefined,
          (thrown) => inspect(thrown),
        );
        expect(error).toMatch(new RegExp(`order.?placed: ${code}`));
        expect(await countOrders(id)).toBe(0);
      });
    },
  );

  it('refuses itself in the place of a session', async () => {
    const { publish } = await createShop(layer.database);

    const { error } = await publish('order.placed', { orderId: 'o-1' }, { session: layer.notASession });

    expect(error).toMatchObject({ code: 'session_unsupported', outcome: 'not-sent' });
  });

  it('runs a handler exactly once for an event that comes twice', async () => {
    const { publish, consume, ready, idle } = await createShop(layer.database);
    const id = crypto.randomUUID();
    const charge = exactlyOnce(layer.database, ({ orderId }: { orderId: string }, { session }) =>
      insertOrder(orderId, session),
    );
    consume('order.placed', 'charge', charge);
    await ready();

    for (const _event of [1, 2]) await publish('order.placed', { orderId: id }, { id });
    await idle();

    expect(await countOrders(id)).toBe(1);
  });

  it('commits what is published below exactlyOnce, and rolls back what failed', async () => {
    const { publish, consume, ready, seen } = await createShop(layer.database);
    const id = crypto.randomUUID();
    const first = exactlyOnce(layer.database, async ({ orderId }: { orderId: string }, { session, attempt }) => {
      if (orderId !== id) return;
      await insertOrder(orderId, session);
      await publish('order.placed', { orderId: `${orderId} ${attempt}` });
      if (attempt < 3) throw new Error('not yet');
    });
    consume('order.placed', 'charge', first);
    await ready();

    await publish('order.placed', { orderId: id });

    await expect.poll(() => seen, { timeout: 5_000 }).toEqual([id, `${id} 3`]);
    expect(await countOrders(id)).toBe(1);
  });

  it('rolls back what is published below exactlyOnce and not awaited, with the attempt that fails', async () => {
    const { publish, consume, ready, seen } = await createShop(layer.database);
    const id = crypto.randomUUID();
    const first = exactlyOnce(layer.database, async ({ orderId }: { orderId: string }, { attempt }) => {
      if (orderId !== id) return;
      void publish('order.placed', { orderId: `${orderId} ${attempt}` });
      if (attempt < 3) throw new Error('not yet');
    });
    consume('order.placed', 'charge', first);
    await ready();
    // A bus asks a session more often before its first event.
    await layer.database.transaction((session) => publish('order.placed', { orderId: 'before' }, { session }));

    await publish('order.placed', { orderId: id });

    await expect.poll(() => seen, { timeout: 5_000 }).toEqual(['before', id, `${id} 3`]);
  });

  it('fails an attempt below exactlyOnce whose handler hides that a statement has failed', async () => {
    const { publish, consume, ready, deadLetters } = await createShop(layer.database);
    const id = crypto.randomUUID();
    const charge = exactlyOnce(layer.database, async ({ orderId }: { orderId: string }, { session }) => {
      await insertOrder(orderId, session);
      await query('SELECT 1 / 0', [], session).catch(() => {});
    });
    consume('order.placed', 'charge', charge, { maxAttempts: 2 });
    await ready();

    await publish('order.placed', { orderId: id });

    await expect.poll(async () => (await deadLetters.page({ consumer: 'charge' })).letters.length).toBe(1);
    expect(await countOrders(id)).toBe(0);
  });

  it('refuses an event whose transaction has ended while a handler ran', async () => {
    const { publish, subscribe, seen, idle } = await createShop(layer.database);
    await layer.database.transaction((session) => publish('order.placed', { orderId: 'before' }, { session }));
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    subscribe('order.placed', () => released);
    let publishing: ReturnType<typeof publish> | undefined;
    await layer.database
      .transaction(async (session) => {
        publishing = publish('order.placed', { orderId: 'late' }, { session });
        throw new Error('rolled back');
      })
      .catch(() => {});

    release();

    expect((await publishing)?.error).toMatchObject({ code: 'transport_unavailable' });
    await idle();
    expect(seen).toEqual(['before']);
  });
});
