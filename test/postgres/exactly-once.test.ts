import { PGlite, type Transaction } from '@electric-sql/pglite';
import { exactlyOnce, fromPglite, postgres } from 'mapbus/postgres';
import { type ConsumerContext, createServiceBus, memory } from 'mapbus/service';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createRecordingLogger } from '../service/support.ts';

interface Events {
  'order.placed': { orderId: string };
  'order.charged': { orderId: string };
}

// To start one takes seconds. Each test has a namespace of its own in it.
const client = new PGlite();
const database = fromPglite(client);
beforeAll(() => client.exec('CREATE TABLE charges (id text)'), 60_000);

type ChargeContext = ConsumerContext & { readonly session: Transaction };

const createShop = (transport = postgres({ database: fromPglite(client), pollMs: 50 })) => {
  const { logger, logged } = createRecordingLogger();
  const bus = createServiceBus<Events, Transaction>({
    service: 'shop',
    namespace: crypto.randomUUID(),
    transport,
    sends: 'all',
    logger,
    consumers: { retryDelayMs: 1 },
  });
  onTestFinished(() => bus.close({ drainTimeoutMs: 0 }));
  return { ...bus, logged };
};

const charge = (session: Transaction, id: string) => session.query('INSERT INTO charges VALUES ($1)', [id]);
const countCharges = async (id: string) => (await client.query('SELECT FROM charges WHERE id = $1', [id])).rows.length;

describe('exactlyOnce', () => {
  it('runs a handler once for an event that comes twice', async () => {
    const { consume, ready, publish, idle } = createShop();
    let runs = 0;
    consume(
      'order.placed',
      'charge',
      exactlyOnce(database, async ({ orderId }: { orderId: string }, { session }) => {
        runs++;
        await charge(session, orderId);
      }),
    );
    await ready();
    const id = crypto.randomUUID();

    for (const _ of [1, 2]) await publish('order.placed', { orderId: id }, { id });
    await idle();

    expect(runs).toBe(1);
    expect(await countCharges(id)).toBe(1);
  });

  it('rolls back what a failed attempt has done, and runs the next one', async () => {
    const { consume, ready, publish } = createShop();
    const id = crypto.randomUUID();
    const done = new Promise<void>((resolve) => {
      const handle = async ({ orderId }: { orderId: string }, { session, attempt }: ChargeContext) => {
        await charge(session, orderId);
        if (attempt < 3) throw new Error('not yet');
        resolve();
      };
      consume('order.placed', 'charge', exactlyOnce(database, handle));
    });
    await ready();

    await publish('order.placed', { orderId: id });
    await done;

    await expect.poll(() => countCharges(id)).toBe(1);
  });

  it('counts two consumers of an event apart', async () => {
    const { consume, ready, publish, idle } = createShop();
    const seen: string[] = [];
    for (const consumer of ['charge', 'mail'])
      consume(
        'order.placed',
        consumer,
        exactlyOnce(database, () => seen.push(consumer)),
      );
    await ready();

    await publish('order.placed', { orderId: 'o-1' });
    await idle();

    expect(seen.sort()).toEqual(['charge', 'mail']);
  });

  it('commits what is published below the handler with its transaction', async () => {
    const { consume, ready, publish, idle } = createShop();
    const charged: string[] = [];
    const id = crypto.randomUUID();
    consume(
      'order.placed',
      'charge',
      exactlyOnce(database, async ({ orderId }: { orderId: string }, { session, attempt }) => {
        await charge(session, orderId);
        await publish('order.charged', { orderId: `${orderId} ${attempt}` });
        if (attempt < 2) throw new Error('not yet');
      }),
    );
    consume('order.charged', 'thank', ({ orderId }) => charged.push(orderId));
    await ready();

    await publish('order.placed', { orderId: id });
    await expect.poll(() => charged).toHaveLength(1);
    await idle();

    expect(charged).toEqual([`${id} 2`]);
    expect(await countCharges(id)).toBe(1);
  });

  it('waits for publishes that the handler did not await', async () => {
    const { consume, ready, publish } = createShop();
    const charged: string[] = [];
    consume(
      'order.placed',
      'charge',
      exactlyOnce(database, ({ orderId }: { orderId: string }) => {
        void publish('order.charged', { orderId });
      }),
    );
    consume('order.charged', 'thank', ({ orderId }) => charged.push(orderId));
    await ready();

    await publish('order.placed', { orderId: 'o-1' });

    await expect.poll(() => charged).toEqual(['o-1']);
  });

  it('takes the context of the handler where there is no async storage', async () => {
    const transport = postgres({ database: fromPglite(client), pollMs: 50 });
    const bus = createServiceBus<Events, Transaction>({
      service: 'shop',
      namespace: crypto.randomUUID(),
      transport,
      sends: 'all',
      contextStorage: false,
    });
    onTestFinished(() => bus.close({ drainTimeoutMs: 0 }));
    const sessions: boolean[] = [];
    bus.subscribe('order.charged', (_, { session }) => sessions.push(session !== undefined));
    bus.consume(
      'order.placed',
      'charge',
      exactlyOnce(database, async ({ orderId }: { orderId: string }, context) => {
        await bus.publish('order.charged', { orderId }, { from: context });
      }),
    );
    await bus.ready();

    await bus.publish('order.placed', { orderId: 'o-1' });

    await expect.poll(() => sessions).toEqual([true]);
  });

  it('rolls a handler back whose time is over, once it has ended', async () => {
    const { consume, ready, publish } = createShop();
    const id = crypto.randomUUID();
    const attempts: number[] = [];
    const handle = async ({ orderId }: { orderId: string }, { session, attempt }: ChargeContext) => {
      attempts.push(attempt);
      if (attempt === 1) await new Promise((resolve) => setTimeout(resolve, 60));
      await charge(session, orderId);
    };
    consume('order.placed', 'charge', exactlyOnce(database, handle), { timeoutMs: 30 });
    await ready();

    await publish('order.placed', { orderId: id });

    await expect.poll(() => countCharges(id)).toBe(1);
    expect(attempts.length).toBeGreaterThan(1);
  });

  it('has no session once the transaction has ended', async () => {
    const { consume, ready, publish } = createShop();
    const contexts: { readonly session: unknown }[] = [];
    consume(
      'order.placed',
      'charge',
      exactlyOnce(database, (_, context) => contexts.push(context)),
    );
    await ready();

    await publish('order.placed', { orderId: 'o-1' });

    await expect.poll(() => contexts.map(({ session }) => session)).toEqual([undefined]);
  });

  it('works over another transport, where a publish with its session is refused', async () => {
    const { consume, ready, publish, logged } = createShop(memory() as never);
    const id = crypto.randomUUID();
    consume(
      'order.placed',
      'charge',
      exactlyOnce(database, ({ orderId }: { orderId: string }, { session }) => charge(session, orderId)),
    );
    consume(
      'order.charged',
      'refund',
      exactlyOnce(database, () => publish('order.charged', { orderId: 'o-2' })),
    );
    await ready();

    for (const _ of [1, 2]) await publish('order.placed', { orderId: id }, { id });
    await publish('order.charged', { orderId: 'o-1' });

    await expect.poll(() => countCharges(id)).toBe(1);
    await expect.poll(() => logged('event_retried').length).toBeGreaterThan(0);
  });

  it('warns once when more handlers run at once than the client has connections', async () => {
    const { consume, ready, publish, logged, idle } = createShop();
    consume(
      'order.placed',
      'charge',
      exactlyOnce(database, () => {}),
    );
    await ready();

    await Promise.all([1, 2, 3, 4, 5].map((n) => publish('order.placed', { orderId: `o-${n}` })));
    await idle();

    expect(logged('event_pool_too_small')).toHaveLength(1);
  });
});
