import { memory } from 'mapbus/service';
import { rehearsal } from 'mapbus/testing';
import type { Deliver } from 'mapbus/transport';
import { describe, expect, it, vi } from 'vitest';
import { createGate } from '../support.ts';
import { createDelivery, createFakeTransport, createShop, fail, hang, laterTurns, type Shop } from './support.ts';

describe('close()', () => {
  it('in the middle of 1,000 events with follow-ups loses none', async () => {
    const transport = memory();
    // It keeps what waits while the first process closes.
    createShop({ transport });
    const handled = new Set<string>();
    const followed = new Set<string>();
    const start = async ({ consume, publish, ready }: Shop) => {
      consume('order.placed', 'place', async ({ orderId }) => {
        await laterTurns(1);
        handled.add(orderId);
        await publish('order.paid', { orderId });
      });
      consume('order.paid', 'pay', ({ orderId }) => void followed.add(orderId));
      await ready();
    };
    const first = createShop({ transport });
    await start(first);
    for (let index = 0; index < 1_000; index++)
      void first.publish('order.placed', { orderId: String(index), at: new Date() });
    await vi.waitFor(() => expect(handled.size).toBeGreaterThan(20), { interval: 1 });

    await first.close();
    expect(handled.size).toBeLessThan(1_000);
    const second = createShop({ transport });
    await start(second);
    await second.idle();

    expect(handled.size).toBe(1_000);
    expect(followed.size).toBe(1_000);
  });

  it('lets running handlers end, which can still publish, and starts no other', async () => {
    const transport = memory();
    const keeper = createShop({ transport });
    const gate = createGate();
    const started: string[] = [];
    const codes: unknown[] = [];
    const { consume, ready, publish, close, health } = createShop({ transport });
    const slow = async ({ orderId }: { orderId: string }) => {
      started.push(orderId);
      await gate.promise;
      codes.push((await publish('order.placed', { orderId })).error?.code);
    };
    consume('order.paid', 'mail', slow, { concurrency: 1 });
    await ready();
    for (const orderId of ['1', '2']) await publish('order.paid', { orderId });
    await vi.waitFor(() => expect(health().consumers).toMatchObject([{ running: 1 }]));

    const closed = close();
    await laterTurns();
    gate.open();
    await closed;
    await keeper.idle();

    expect(started).toHaveLength(1);
    expect(codes).toEqual([undefined]);
  });

  it('refuses handlers and consumers from then on, and publishes once it has ended', async () => {
    const { close, consume, subscribe, publish } = createShop();

    const closed = close();
    expect(() => subscribe('order.paid', () => {})).toThrow(expect.objectContaining({ code: 'closed' }));
    expect(() => consume('order.paid', 'mail', () => {})).toThrow(expect.objectContaining({ code: 'closed' }));
    await closed;

    expect((await publish('order.paid', { orderId: '1' })).error).toMatchObject({
      code: 'closed',
      outcome: 'not-sent',
    });
  });

  it('stops deliveries, waits for their outcomes, and closes the transport then', async () => {
    const events: string[] = [];
    const gate = createGate();
    const delivering = createGate<Deliver>();
    const { transport } = createFakeTransport({
      consume: async (_, deliver) => {
        delivering.open(deliver);
        return { stop: async () => void events.push('stop') };
      },
      close: async () => void events.push('close'),
    });
    const { consume, ready, close } = createShop({ transport });
    consume('order.placed', 'mail', () => gate.promise);
    await ready();
    const carriedOut = (await delivering.promise)(createDelivery()).then(() => {
      events.push('outcome');
    });

    const closed = close();
    await laterTurns();
    expect(events).toEqual(['stop']);
    gate.open();
    await Promise.all([closed, carriedOut]);

    expect(events).toEqual(['stop', 'outcome', 'close']);
  });

  it('aborts the signals of what still runs after drainTimeoutMs', async () => {
    const { consume, ready, publish, close, logged } = createShop();
    const started = createGate<AbortSignal>();
    consume('order.paid', 'mail', (_, { signal }) => {
      started.open(signal);
      return hang();
    });
    await ready();
    await publish('order.paid', { orderId: '1' });
    const signal = await started.promise;

    await close({ drainTimeoutMs: 1 });

    expect(signal.reason).toMatchObject({ code: 'closed' });
    expect(logged('event_bus_drain_timed_out')).toMatchObject([{ level: 'warn', fields: { running: 1 } }]);
  });

  it('called again gives the same end, and can shorten the time', async () => {
    const { consume, ready, publish, close, health, logged } = createShop();
    consume('order.paid', 'mail', hang);
    await ready();
    await publish('order.paid', { orderId: '1' });
    await vi.waitFor(() => expect(health().consumers).toMatchObject([{ running: 1 }]));

    await Promise.all([close(), close({ drainTimeoutMs: 0 })]);
    await close();

    expect(logged('event_bus_drain_timed_out')).toHaveLength(1);
  });

  it('is what `await using` does', async () => {
    const { bus, publish } = createShop();

    await bus[Symbol.asyncDispose]();

    expect((await publish('order.paid', { orderId: '1' })).error?.code).toBe('closed');
  });

  it.each([
    ['rejects', async () => fail()],
    ['throws at once', fail],
  ])('is logged where the transport %s, and ends all the same', async (_, away) => {
    const { transport } = createFakeTransport({ close: away });
    const { close, logged } = createShop({ transport });

    await expect(close()).resolves.toBeUndefined();

    expect(logged('event_transport_close_failed')).toEqual([
      { level: 'error', message: 'event_transport_close_failed', fields: { error: new Error('no') } },
    ]);
  });

  it('ends also where the transport never stops and never closes', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { transport } = createFakeTransport({ consume: async () => ({ stop: hang }), close: hang });
    const { consume, ready, close, logged } = createShop({ transport });
    consume('order.placed', 'mail', () => {});
    await ready();
    const ended = vi.fn();

    void close({ drainTimeoutMs: 1_000 }).then(ended);
    await vi.advanceTimersByTimeAsync(20_000);
    vi.useRealTimers();

    expect(ended).toHaveBeenCalledOnce();
    expect(logged('event_transport_close_failed')).toMatchObject([{ fields: { error: { name: 'TimeoutError' } } }]);
  });
});

describe('memory(), when the last process of a service closes,', () => {
  it('says which events wait', async () => {
    const { consume, ready, publish, close, logged } = createShop();
    const stop = consume('order.paid', 'mail', () => {});
    await ready();
    stop();
    const ids = [await publish('order.paid', { orderId: '1' }), await publish('order.paid', { orderId: '2' })].map(
      ({ id }) => id,
    );

    await close();

    expect(logged('event_lost')).toEqual([
      {
        level: 'warn',
        message: 'event_lost',
        fields: { eventIds: ids, consumer: 'mail', reason: 'closed_in_memory' },
      },
    ]);
  });

  it('says which events a hung handler holds', async () => {
    const { consume, ready, publish, close, lost, health } = createShop();
    consume('order.paid', 'mail', hang);
    await ready();
    const { id } = await publish('order.paid', { orderId: '1' });
    await vi.waitFor(() => expect(health().consumers).toMatchObject([{ running: 1 }]));

    await close({ drainTimeoutMs: 1 });

    expect(lost()).toEqual([id]);
  });

  it('says which events wait behind abandoned handlers', async () => {
    const { consume, ready, publish, close, lost, health } = createShop();
    consume('order.paid', 'mail', hang, { concurrency: 1, timeoutMs: 5, maxAttempts: 1 });
    await ready();
    await publish('order.paid', { orderId: '1' });
    await vi.waitFor(() => expect(health().consumers).toMatchObject([{ abandoned: 1 }]));
    const { id } = await publish('order.paid', { orderId: '2' });

    await close({ drainTimeoutMs: 1 });

    expect(lost()).toEqual([id]);
  });

  it('says which events wait behind a key', async () => {
    const { consume, ready, publish, close, lost, health } = createShop({ keys: { 'order.paid': () => 'k' } });
    consume('order.paid', 'mail', hang, { order: 'key' });
    await ready();
    const first = await publish('order.paid', { orderId: '1' });
    const second = await publish('order.paid', { orderId: '2' });
    await vi.waitFor(() => expect(health().consumers).toMatchObject([{ running: 1 }]));

    await close({ drainTimeoutMs: 1 });

    expect(lost().toSorted()).toEqual([first.id, second.id].toSorted());
  });

  it('says which events wait for a retry, and keeps no timer of a handler that fails afterwards', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { consume, ready, publish, close, lost } = createShop({ consumers: { retryDelayMs: 60_000 } });
    const gate = createGate();
    const started = createGate();
    consume('order.paid', 'mail', async ({ orderId }) => {
      if (orderId === '1') fail();
      started.open();
      await gate.promise;
    });
    await ready();
    const ids = [await publish('order.paid', { orderId: '1' }), await publish('order.paid', { orderId: '2' })].map(
      ({ id }) => id,
    );
    await started.promise;
    await laterTurns();

    await close({ drainTimeoutMs: 0 });
    gate.fail(new Error('late'));
    await laterTurns();

    expect(lost().toSorted()).toEqual(ids.toSorted());
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  it('says nothing while another process of the service is there', async () => {
    const transport = memory();
    const first = createShop({ transport });
    const second = createShop({ transport });
    const seen: string[] = [];
    first.consume('order.paid', 'mail', hang, { concurrency: 1 });
    await first.ready();
    for (const orderId of ['1', '2']) await first.publish('order.paid', { orderId });
    await vi.waitFor(() => expect(first.health().consumers).toMatchObject([{ running: 1 }]));
    second.consume('order.paid', 'mail', ({ orderId }) => void seen.push(orderId), { concurrency: 1 });

    await first.close({ drainTimeoutMs: 0 });
    await second.ready();
    await second.idle();

    expect(first.lost()).toEqual([]);
    expect(seen.toSorted()).toEqual(['1', '2']);
  });
});

describe('a process that closes before its handler has ended', () => {
  it('leaves the event to another process at once, which alone decides', async () => {
    const transport = memory();
    const first = createShop({ transport });
    const gate = createGate();
    first.consume('order.paid', 'mail', () => gate.promise, { maxAttempts: 1 });
    await first.ready();
    await first.publish('order.paid', { orderId: '1' });
    await vi.waitFor(() => expect(first.health().consumers).toMatchObject([{ running: 1 }]));
    const second = createShop({ transport });
    const seen: string[] = [];
    second.consume('order.paid', 'mail', ({ orderId }) => void seen.push(orderId));
    await second.ready();
    await laterTurns();

    await first.close({ drainTimeoutMs: 0 });
    await vi.waitFor(() => expect(seen).toEqual(['1']));
    gate.fail(new Error('late'));
    await second.idle();

    expect(seen).toEqual(['1']);
    expect((await second.deadLetters.page()).letters).toEqual([]);
  });
});

describe('idle()', () => {
  it('resolves when nothing is due, also after a local handler that publishes', async () => {
    const { subscribe, consume, ready, publish, idle } = createShop();
    const seen: string[] = [];
    consume('order.paid', 'ledger', ({ orderId }) => void seen.push(orderId));
    await ready();
    subscribe('order.placed', async ({ orderId }) => {
      await laterTurns();
      await publish('order.paid', { orderId });
    });

    void publish('order.placed', { orderId: '1' });
    await idle();

    expect(seen).toEqual(['1']);
  });

  it('waits for what the transport delivers while it is asked', async () => {
    const { transport, deliver } = createFakeTransport({
      idle: async () => {
        if (delivered++ === 0) void deliver(createDelivery());
      },
    });
    let delivered = 0;
    const { consume, ready, idle } = createShop({ transport });
    const seen: string[] = [];
    consume('order.placed', 'mail', async ({ orderId }) => {
      await laterTurns();
      seen.push(orderId);
    });
    await ready();

    await idle();

    expect(seen).toEqual(['1']);
  });

  it('does not wait for a retry that waits for later', async () => {
    const { consume, ready, publish, idle, logged } = createShop({ consumers: { retryDelayMs: 10_000 } });
    consume('order.paid', 'mail', fail);
    await ready();

    await publish('order.paid', { orderId: '1' });
    await idle();

    expect(logged('event_retried')).toHaveLength(1);
  });

  it('waits for events that rehearsal() delays', async () => {
    const transport = rehearsal({ seed: 1, maxDelayMs: 50, duplicates: 0 });
    const { consume, ready, publish, idle } = createShop({ transport });
    const seen: string[] = [];
    consume('order.paid', 'mail', ({ orderId }) => void seen.push(orderId));
    await ready();

    await publish('order.paid', { orderId: '1' });
    await idle();

    expect(seen).toEqual(['1']);
  });

  it('waits for the other processes on one memory()', async () => {
    const transport = memory();
    const worker = createShop({ transport, service: 'worker' });
    const { publish, idle } = createShop({ transport, service: 'web' });
    const seen: string[] = [];
    worker.consume('order.paid', 'mail', async ({ orderId }) => {
      await laterTurns();
      seen.push(orderId);
    });
    await worker.ready();

    await publish('order.paid', { orderId: '1' });
    await worker.idle();

    expect(seen).toEqual(['1']);
    await idle();
  });
});
