import { AsyncLocalStorage } from 'node:async_hooks';
import type { EventContext } from 'mapbus';
import { recordEvents } from 'mapbus/testing';
import { describe, expect, it, vi } from 'vitest';
import { cloudEvent, createDelivery, createFakeTransport, createShop, laterTurns, type Shop } from './support.ts';

const tooLarge = { orderId: 'x'.repeat(1_000) };
const eventOf = (orderId: string) => cloudEvent({ data: { orderId } });

describe('a publish in a consumer', () => {
  it('fails the attempt when it fails, also if it is not awaited', async () => {
    const { consume, ready, publish, close, logged, lost } = createShop({ maxEventBytes: 400 });
    const attempts: number[] = [];
    const follow = async (_: unknown, { attempt }: { attempt: number }) => {
      attempts.push(attempt);
      void publish('order.placed', attempt === 1 ? tooLarge : { orderId: '2', at: new Date() });
    };
    consume('order.paid', 'follow-up', follow, { maxAttempts: 2 });
    await ready();

    await publish('order.paid', { orderId: '1' }, { metadata: { trace_id: 'a' } });
    await vi.waitFor(() => expect(attempts).toEqual([1, 2]));

    expect(logged('event_handler_failed')[0]?.fields).toMatchObject({ attempt: 1, error: { code: 'too_large' } });
    await close();
    expect(lost()).toEqual([]);
  });

  it('fails the attempt also if the handler has looked at the error and goes on', async () => {
    const { transport, deliver } = createFakeTransport();
    const { consume, ready, publish } = createShop({ transport, maxEventBytes: 400 });
    const codes: unknown[] = [];
    consume('order.placed', 'follow-up', async () => {
      const { error } = await publish('order.paid', tooLarge);
      codes.push(error?.code);
      await publish('order.paid', { orderId: '2' });
    });
    await ready();

    expect(await deliver(createDelivery())).toMatchObject({ is: 'retry', attempt: 2 });
    expect(codes).toEqual(['too_large']);
  });

  it('is refused with a context in place of options, as everywhere', async () => {
    const { transport, deliver } = createFakeTransport();
    const { consume, ready, publish } = createShop({ transport });
    const codes: unknown[] = [];
    consume('order.placed', 'follow-up', async (_, context) => {
      const { error } = await publish('order.paid', { orderId: '2' }, context as never);
      codes.push(error?.code);
    });
    await ready();

    await deliver(createDelivery());

    expect(codes).toEqual(['invalid_options']);
  });

  it('fails the attempt when the transport does not take the event', async () => {
    const publish = async () => {
      throw new Error('connection lost');
    };
    const { transport, deliver } = createFakeTransport({ publish });
    const shop = createShop({ transport });
    shop.consume('order.placed', 'follow-up', () => void shop.publish('order.paid', { orderId: '1' }));
    await shop.ready();

    expect(await deliver(createDelivery())).toMatchObject({
      is: 'retry',
      error: { message: expect.stringContaining('connection lost') },
    });
  });

  it('does not fail the attempt when a local handler of it fails', async () => {
    const { transport, deliver } = createFakeTransport();
    const { consume, ready, publish, subscribe } = createShop({ transport });
    subscribe('order.paid', () => Promise.reject(new Error('no')));
    const counts: number[] = [];
    consume('order.placed', 'follow-up', async () => {
      const { failures } = await publish('order.paid', { orderId: '1' });
      counts.push(failures.length);
    });
    await ready();

    expect(await deliver(createDelivery())).toEqual({ is: 'done' });
    expect(counts).toEqual([1]);
  });

  it('belongs to the attempt also in a local handler of a publish in it', async () => {
    const { transport, deliver } = createFakeTransport();
    const sends = ['order.placed'] as const;
    const { consume, ready, publish, subscribe } = createShop({ transport, sends, maxEventBytes: 400 });
    subscribe('order.paid', async ({ orderId }) => {
      await laterTurns(1);
      void publish('order.placed', orderId === '1' ? { orderId } : tooLarge);
    });
    consume('order.placed', 'follow-up', ({ orderId }) => void publish('order.paid', { orderId }));
    await ready();

    expect(await deliver(createDelivery({ body: eventOf('1') }))).toEqual({ is: 'done' });
    expect(await deliver(createDelivery({ body: eventOf('2') }))).toMatchObject({ is: 'retry' });
  });

  it('carries the metadata of the event on, and its own wins', async () => {
    const { consume, ready, publish, idle } = createShop();
    const seen: unknown[] = [];
    consume('order.placed', 'charge', async ({ orderId }) => {
      await laterTurns(1);
      await publish('order.paid', { orderId }, { metadata: { step: 'paid' } });
    });
    consume('order.paid', 'mail', (_, { metadata }) => seen.push({ ...metadata }));
    await ready();

    await publish('order.placed', { orderId: '1' }, { metadata: { trace_id: 'a', step: 'placed' } });
    await idle();

    expect(seen).toEqual([{ trace_id: 'a', step: 'paid' }]);
  });

  it('comes again with the next attempt, with a new id unless it is given one', async () => {
    const { consume, ready, publish } = createShop();
    const ids = new Set<string>();
    consume('order.placed', 'charge', async ({ orderId }, { id, attempt }) => {
      await publish('order.paid', { orderId });
      await publish('order.paid', { orderId }, { id: `${id}/paid` });
      if (attempt === 1) throw new Error('failed after the publish');
    });
    consume('order.paid', 'mail', (_, { id }) => void ids.add(id));
    await ready();

    const { id } = await publish('order.placed', { orderId: '1' });

    await vi.waitFor(() => expect(ids.size).toBe(3));
    expect(ids).toContain(`${id}/paid`);
  });

  it.each<[string, (shop: Shop) => Pick<Shop, 'publish'>]>([
    ['the bus itself', ({ bus }) => bus],
    ['the bus of recordEvents', ({ bus }) => recordEvents(bus).bus],
    ['a function over the bus', ({ bus }) => ({ publish: (...args) => bus.publish(...args) })],
  ])('belongs to the attempt whichever publisher a module was given: %s', async (_, toPublisher) => {
    const { transport, deliver } = createFakeTransport();
    const shop = createShop({ transport, maxEventBytes: 400 });
    const { publish } = toPublisher(shop);
    shop.consume('order.placed', 'follow-up', async () => {
      await laterTurns(1);
      void publish('order.paid', tooLarge);
    });
    await shop.ready();

    expect(await deliver(createDelivery())).toMatchObject({ is: 'retry', attempt: 2 });
  });

  it('does not belong to the attempt of another event', async () => {
    const { transport, deliver } = createFakeTransport();
    const { consume, ready, publish } = createShop({ transport, maxEventBytes: 400 });
    const follow = async ({ orderId }: { orderId: string }) => {
      await laterTurns(1);
      void publish('order.paid', orderId === '1' ? { orderId } : tooLarge);
    };
    consume('order.placed', 'follow-up', follow);
    await ready();

    const outcomes = await Promise.all(['1', '2'].map((id) => deliver(createDelivery({ body: eventOf(id) }))));

    expect(outcomes).toMatchObject([{ is: 'done' }, { is: 'retry' }]);
  });
});

describe('with contextStorage: false', () => {
  it('a publish belongs to the attempt that it names with from', async () => {
    const { transport, deliver, published } = createFakeTransport();
    const { consume, ready, publish } = createShop({ transport, maxEventBytes: 400, contextStorage: false });
    consume('order.placed', 'with', async (_, context) => {
      await publish('order.paid', { orderId: '1' }, { from: context });
      await publish('order.paid', tooLarge, { from: context });
    });
    consume('order.placed', 'without', async () => {
      await publish('order.paid', { orderId: '2' });
      await publish('order.paid', tooLarge);
    });
    await ready();

    const body = cloudEvent({ metadata: '{"trace_id":"a"}' });

    expect(await deliver(createDelivery({ body }), 'with')).toMatchObject({ is: 'retry' });
    expect(await deliver(createDelivery({ body }), 'without')).toEqual({ is: 'done' });
    const metadata = published.map((message) => JSON.parse(message.body).metadata);
    expect(metadata).toEqual(['{"trace_id":"a"}', undefined]);
  });
});

describe('the AsyncLocalStorage', () => {
  it('of the bus gives getMetadata below a consumer, and no session', async () => {
    const { consume, ready, publish, idle, getMetadata, getSession } = createShop();
    const seen: unknown[] = [];
    consume('order.paid', 'mail', async () => {
      await laterTurns(1);
      seen.push(getMetadata().trace_id, getSession());
    });
    await ready();

    await publish('order.paid', { orderId: '1' }, { metadata: { trace_id: 'a' } });
    await idle();

    expect(seen).toEqual(['a', undefined]);
  });

  it('of somebody else’s request is not seen by a consumer', async () => {
    const requests = new AsyncLocalStorage<string>();
    const { consume, ready, publish, idle } = createShop();
    const seen: unknown[] = [];
    consume('order.paid', 'mail', ({ orderId }) => seen.push([orderId, requests.getStore()]));
    await ready();
    await laterTurns();

    await Promise.all([
      requests.run('request of Ada', () => publish('order.paid', { orderId: 'ada' })),
      requests.run('request of Bob', () => publish('order.paid', { orderId: 'bob' })),
    ]);
    await idle();

    expect(seen).toHaveLength(2);
    expect(seen).toEqual(
      expect.arrayContaining([
        ['ada', undefined],
        ['bob', undefined],
      ]),
    );
  });

  it('that the bus has made is disabled once the bus is closed', async () => {
    const disable = vi.spyOn(AsyncLocalStorage.prototype, 'disable');
    const { close } = createShop();

    expect(disable).not.toHaveBeenCalled();
    await close();

    expect(disable).toHaveBeenCalledOnce();
  });

  it('that the bus was given is left as it is', async () => {
    const contextStorage = new AsyncLocalStorage<EventContext>();
    const disable = vi.spyOn(AsyncLocalStorage.prototype, 'disable');
    const { consume, ready, publish, idle, close } = createShop({ contextStorage });
    const ids: unknown[] = [];
    consume('order.paid', 'mail', () => ids.push(contextStorage.getStore()?.id));
    await ready();
    const { id } = await publish('order.paid', { orderId: '1' });
    await idle();

    await close();

    expect(ids).toEqual([id]);
    expect(disable).not.toHaveBeenCalled();
    const store = {} as EventContext;
    expect(contextStorage.run(store, () => contextStorage.getStore())).toBe(store);
  });
});
