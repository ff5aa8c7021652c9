import { memory } from 'mapbus/service';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createGate } from '../support.ts';
import { createDelivery, createFakeTransport, createShop, hang, laterTurns } from './support.ts';

const ELSEWHERE = { is: 'retry', attempt: 1, afterMs: 1_000 };

afterEach(() => {
  vi.useRealTimers();
});

describe('a consumer whose handlers hang', () => {
  it('takes no more events at its concurrency, and goes on once one of them has ended', async () => {
    const { health, consume, ready, publish, idle } = createShop();
    const gate = createGate();
    const started: string[] = [];
    const hold = ({ orderId }: { orderId: string }) => {
      started.push(orderId);
      return gate.promise;
    };
    consume('order.paid', 'mail', hold, { timeoutMs: 5, concurrency: 2, maxAttempts: 1 });
    await ready();

    for (const orderId of ['1', '2']) void publish('order.paid', { orderId });
    await vi.waitFor(() => expect(health().consumers[0]?.abandoned).toBe(2));
    await publish('order.paid', { orderId: '3' });
    await laterTurns();
    expect(started.toSorted()).toEqual(['1', '2']);
    gate.open();
    await vi.waitFor(() => expect(started).toHaveLength(3));
    await idle();

    expect(health().consumers).toMatchObject([{ inForce: true, running: 0, abandoned: 0 }]);
  });

  it('goes on with the others below its concurrency', async () => {
    const { health, consume, ready, publish, idle } = createShop();
    const seen: string[] = [];
    const handler = ({ orderId }: { orderId: string }) => (orderId === 'hangs' ? hang() : void seen.push(orderId));
    consume('order.paid', 'mail', handler, { timeoutMs: 5, concurrency: 2, maxAttempts: 1 });
    await ready();

    await publish('order.paid', { orderId: 'hangs' });
    for (const orderId of ['1', '2', '3']) await publish('order.paid', { orderId });
    await idle();

    expect(seen.toSorted()).toEqual(['1', '2', '3']);
    expect(health().consumers).toMatchObject([{ running: 0, abandoned: 1 }]);
  });

  it('stops no other consumer, also at the limit of the process', async () => {
    const { consume, ready, publish, idle } = createShop({ concurrency: 1 });
    const seen: string[] = [];
    consume('order.paid', 'hangs', hang, { timeoutMs: 5, concurrency: 1, maxAttempts: 1 });
    consume('order.paid', 'mail', ({ orderId }) => void seen.push(orderId));
    await ready();

    for (const orderId of ['1', '2', '3']) await publish('order.paid', { orderId });
    await vi.waitFor(() => expect(seen).toHaveLength(3));
    await idle();

    expect(seen.toSorted()).toEqual(['1', '2', '3']);
  });

  it('leaves its events to another process', async () => {
    const transport = memory();
    const first = createShop({ transport });
    first.consume('order.placed', 'mail', hang, { timeoutMs: 20, concurrency: 2, retryDelayMs: 200 });
    await first.ready();
    for (const orderId of ['0', '1']) await first.publish('order.placed', { orderId });
    await vi.waitFor(() => expect(first.health().consumers[0]?.abandoned).toBe(2));

    const second = createShop({ transport });
    const seen = new Set<string>();
    second.consume('order.placed', 'mail', ({ orderId }) => void seen.add(orderId));
    await second.ready();
    for (let n = 2; n < 22; n++) await second.publish('order.placed', { orderId: String(n) });

    await vi.waitFor(() => expect(seen.size).toBe(22));
  });

  it('gives back what the transport still delivers, and does not keep the bus from closing', async () => {
    const { transport, deliver } = createFakeTransport();
    const { consume, ready, close } = createShop({ transport });
    consume('order.placed', 'mail', hang, { timeoutMs: 5, concurrency: 1 });
    await ready();
    expect(await deliver(createDelivery())).toMatchObject({ is: 'retry', attempt: 2 });

    const outcome = await deliver(createDelivery());
    await close({ drainTimeoutMs: 100 });

    expect(outcome).toMatchObject({
      ...ELSEWHERE,
      error: { message: 'mail has 1 handlers whose time is over' },
    });
  });

  it('gives back what has waited for the limit of the process', async () => {
    const { transport, deliver } = createFakeTransport();
    const { consume, ready } = createShop({ transport, concurrency: 1 });
    const handler = vi.fn(hang);
    consume('order.placed', 'mail', handler, { timeoutMs: 5, concurrency: 2 });
    await ready();

    const outcomes = await Promise.all(Array.from({ length: 5 }, () => deliver(createDelivery())));

    expect(handler).toHaveBeenCalledTimes(2);
    expect(outcomes.map((outcome) => 'attempt' in outcome && outcome.attempt)).toEqual([2, 2, 1, 1, 1]);
  });

  it('is stopped at the transport, and started again once there is room', async () => {
    const events: string[] = [];
    const gate = createGate();
    const delivering = createGate<() => void>();
    const { transport } = createFakeTransport({
      consume: async (_, deliver) => {
        events.push('consume');
        delivering.open(() => void deliver(createDelivery()));
        return { stop: async () => void events.push('stop') };
      },
    });
    const { consume, ready } = createShop({ transport });
    consume('order.placed', 'mail', () => gate.promise, { timeoutMs: 5, concurrency: 1 });
    await ready();

    (await delivering.promise)();
    await vi.waitFor(() => expect(events).toEqual(['consume', 'stop']));
    gate.open();

    await vi.waitFor(() => expect(events).toEqual(['consume', 'stop', 'consume']));
  });

  it('stays stopped if it has unsubscribed meanwhile', async () => {
    const events: string[] = [];
    const gate = createGate();
    const delivering = createGate<() => Promise<unknown>>();
    const { transport } = createFakeTransport({
      consume: async (_, deliver) => {
        events.push('consume');
        delivering.open(() => deliver(createDelivery()));
        return { stop: async () => void events.push('stop') };
      },
    });
    const { consume, ready } = createShop({ transport });
    const unsubscribe = consume('order.placed', 'mail', () => gate.promise, { timeoutMs: 5, concurrency: 1 });
    await ready();

    await (await delivering.promise)();
    unsubscribe();
    gate.open();
    await laterTurns();

    expect(events).toEqual(['consume', 'stop']);
  });

  it('waits no longer for what a handler has published without waiting for it', async () => {
    const { transport, deliver } = createFakeTransport({ publish: hang });
    const { consume, publish, ready } = createShop({ transport });
    consume('order.placed', 'mail', () => void publish('order.paid', { orderId: '1' }), { timeoutMs: 5 });
    await ready();

    const outcome = await deliver(createDelivery());

    expect(outcome).toMatchObject({ is: 'retry', error: { message: '[mapbus] mail took longer than 5 ms' } });
  });

  it('counts the time for which a handler blocks its process', async () => {
    vi.useFakeTimers();
    const { transport, deliver } = createFakeTransport();
    const { consume, ready } = createShop({ transport });
    const block = () => {
      vi.advanceTimersByTime(40);
      return hang();
    };
    consume('order.placed', 'mail', block, { timeoutMs: 60 });
    await ready();

    const delivering = deliver(createDelivery());
    vi.advanceTimersByTime(20);

    expect(await delivering).toMatchObject({ is: 'retry', error: { message: '[mapbus] mail took longer than 60 ms' } });
  });
});
