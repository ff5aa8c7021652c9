import { memory } from 'mapbus/service';
import { rehearsal } from 'mapbus/testing';
import { describe, expect, it, vi } from 'vitest';
import { createGate } from '../support.ts';
import {
  cloudEvent,
  createDelivery,
  createFakeTransport,
  createShop,
  fail,
  laterTurns,
  recordUnhandled,
} from './support.ts';

const ELSEWHERE = { is: 'retry', attempt: 1, afterMs: 1_000 };
const eventOf = (orderId: string) => cloudEvent({ id: `event-${orderId}`, data: { orderId } });

describe('a delivery that belongs to another process by now', () => {
  it('is not handled if its signal is aborted already', async () => {
    const { transport, deliver } = createFakeTransport();
    const { consume, ready } = createShop({ transport });
    const handler = vi.fn();
    consume('order.placed', 'mail', handler);
    await ready();

    await deliver(createDelivery({ signal: AbortSignal.abort() }));

    expect(handler).not.toHaveBeenCalled();
  });

  it('is not handled if it was lost while it waited for room', async () => {
    const { transport, deliver } = createFakeTransport();
    const { consume, ready } = createShop({ transport, concurrency: 1 });
    const gate = createGate();
    const lost = new AbortController();
    const seen: string[] = [];
    consume('order.placed', 'mail', async ({ orderId }) => {
      seen.push(orderId);
      await gate.promise;
    });
    await ready();

    const first = deliver(createDelivery({ body: eventOf('1') }));
    const second = deliver(createDelivery({ body: eventOf('2'), signal: lost.signal }));
    lost.abort(new Error('lost'));
    gate.open();
    await Promise.all([first, second]);

    expect(seen).toEqual(['1']);
  });

  it('is aborted in its handler, with the reason of the transport', async () => {
    const { transport, deliver } = createFakeTransport();
    const { consume, ready } = createShop({ transport });
    const lost = new AbortController();
    const reasons: unknown[] = [];
    const handler = ({ orderId }: { orderId: string }, { signal }: { signal: AbortSignal }) =>
      new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => {
          reasons.push([orderId, signal.reason]);
          resolve();
        });
      });
    consume('order.placed', 'mail', handler);
    await ready();

    const delivering = deliver(createDelivery({ signal: lost.signal }));
    lost.abort('lost');
    await delivering;

    expect(reasons).toEqual([['1', 'lost']]);
  });

  it('is aborted in a handler that asks for the signal afterwards', async () => {
    const { transport, deliver } = createFakeTransport();
    const { consume, ready } = createShop({ transport });
    const gate = createGate();
    const lost = new AbortController();
    const reasons: unknown[] = [];
    consume('order.placed', 'mail', async (_, context) => {
      await gate.promise;
      reasons.push(context.signal.reason);
    });
    await ready();

    const delivering = deliver(createDelivery({ signal: lost.signal }));
    lost.abort('lost');
    gate.open();
    await delivering;

    expect(reasons).toEqual(['lost']);
  });

  it('does not abort the signal of an attempt that has ended', async () => {
    const { transport, deliver } = createFakeTransport();
    const { consume, ready } = createShop({ transport });
    const lost = new AbortController();
    const signals: AbortSignal[] = [];
    consume('order.placed', 'mail', (_, { signal }) => void signals.push(signal));
    await ready();

    await deliver(createDelivery({ signal: lost.signal }));
    lost.abort('lost');

    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
  });

  it('is no failure and no dead letter: whoever has it now decides', async () => {
    const { transport, deliver } = createFakeTransport();
    const { consume, ready, logged, health } = createShop({ transport });
    const gate = createGate();
    const lost = new AbortController();
    consume('order.placed', 'mail', () => gate.promise, { maxAttempts: 1 });
    await ready();

    const delivering = deliver(createDelivery({ signal: lost.signal }));
    lost.abort(new Error('lost'));
    gate.fail(new Error('no'));
    await delivering;

    expect(logged('event_dead_lettered')).toEqual([]);
    expect(logged('event_handler_failed')).toEqual([]);
    expect(health().consumers).toMatchObject([{ running: 0, lastError: undefined }]);
  });
});

describe('a delivery of an event that the consumer does not take', () => {
  it('is not handled, and comes again as the same attempt', async () => {
    const { transport, deliver } = createFakeTransport();
    const { consume, ready } = createShop({ transport });
    const handler = vi.fn();
    consume('order.placed', 'mail', handler);
    await ready();

    const body = cloudEvent({ type: 'order.paid', time: new Date().toISOString() });
    const outcome = await deliver(createDelivery({ body, attempt: 3 }));

    expect(handler).not.toHaveBeenCalled();
    expect(outcome).toMatchObject({
      ...ELSEWHERE,
      attempt: 3,
      error: { message: 'mail does not consume order.paid here' },
    });
  });

  it('becomes a dead letter after an hour', async () => {
    const { transport, deliver } = createFakeTransport();
    const { consume, ready, logged } = createShop({ transport });
    consume('order.placed', 'mail', () => {});
    await ready();

    const time = new Date(Date.now() - 3_600_000).toISOString();
    const outcome = await deliver(createDelivery({ body: cloudEvent({ type: 'order.paid', time }) }));

    expect(outcome).toMatchObject({ is: 'dead', reason: 'not_consumed', attempt: 1 });
    expect(logged('event_dead_lettered')).toHaveLength(1);
  });

  it.each([
    ['no time', undefined],
    ['a time in the future', '9999-01-01T00:00:00Z'],
  ])('becomes a dead letter after an hour also with %s', async (_, time) => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const { transport, deliver } = createFakeTransport();
    const { consume, ready } = createShop({ transport });
    consume('order.placed', 'mail', () => {});
    await ready();
    const delivery = createDelivery({ body: cloudEvent({ type: 'order.paid', time }) });

    expect(await deliver(delivery)).toMatchObject(ELSEWHERE);
    vi.setSystemTime(Date.now() + 3_599_000);
    expect(await deliver(delivery)).toMatchObject(ELSEWHERE);
    vi.setSystemTime(Date.now() + 1_000);

    expect(await deliver(delivery)).toMatchObject({ is: 'dead', reason: 'not_consumed' });
    vi.useRealTimers();
  });
});

describe('a process that gets more foreign events than it can keep in mind', () => {
  it('forgets the oldest, and not more', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const { transport, deliver } = createFakeTransport();
    const { consume, ready } = createShop({ transport });
    consume('order.placed', 'mail', () => {});
    await ready();
    const foreign = (id: number) => createDelivery({ body: cloudEvent({ type: 'order.paid', id: `event-${id}` }) });

    for (let id = 0; id <= 10_000; id++) await deliver(foreign(id));
    vi.setSystemTime(Date.now() + 3_600_000);

    expect(await deliver(foreign(1))).toMatchObject({ is: 'dead' });
    expect(await deliver(foreign(0))).toMatchObject(ELSEWHERE);
    vi.useRealTimers();
  });
});

describe('a delivery after unsubscribe()', () => {
  it('is not handled, and goes to another process', async () => {
    const { transport, deliver } = createFakeTransport();
    const { consume, ready } = createShop({ transport });
    const handler = vi.fn();
    const unsubscribe = consume('order.placed', 'mail', handler);
    await ready();

    unsubscribe();
    const outcome = await deliver(createDelivery());

    expect(handler).not.toHaveBeenCalled();
    expect(outcome).toMatchObject({ ...ELSEWHERE, error: { message: 'mail no longer consumes here' } });
  });

  it('is not handled if it waited for room meanwhile', async () => {
    const { transport, deliver } = createFakeTransport();
    const { consume, ready } = createShop({ transport, concurrency: 1 });
    const gate = createGate();
    const seen: string[] = [];
    const unsubscribe = consume('order.placed', 'mail', async ({ orderId }) => {
      seen.push(orderId);
      await gate.promise;
    });
    await ready();

    const first = deliver(createDelivery({ body: eventOf('1') }));
    const second = deliver(createDelivery({ body: eventOf('2') }));
    unsubscribe();
    gate.open();

    expect(await first).toEqual({ is: 'done' });
    expect(await second).toMatchObject(ELSEWHERE);
    expect(seen).toEqual(['1']);
  });

  it('is given back at once, also if the process has no room', async () => {
    const { transport, deliver } = createFakeTransport();
    const { consume, ready } = createShop({ transport, concurrency: 1 });
    const gate = createGate();
    const unsubscribe = consume('order.placed', 'mail', () => gate.promise);
    await ready();
    const first = deliver(createDelivery());
    unsubscribe();

    const second = await deliver(createDelivery());
    gate.open();

    expect(second).toMatchObject(ELSEWHERE);
    expect(await first).toEqual({ is: 'done' });
  });

  it('leaves the room of the process to the others', async () => {
    const { transport, deliver } = createFakeTransport();
    const { consume, ready } = createShop({ transport, concurrency: 1 });
    const gate = createGate();
    const other = vi.fn();
    const unsubscribe = consume('order.placed', 'mail', () => gate.promise);
    consume('order.placed', 'ledger', other);
    await ready();

    const delivering = [deliver(createDelivery(), 'mail'), deliver(createDelivery(), 'mail')];
    unsubscribe();
    delivering.push(deliver(createDelivery(), 'ledger'));
    gate.open();
    await Promise.all(delivering);

    expect(other).toHaveBeenCalledOnce();
  });

  it('reaches the next consumer of the name in this process', async () => {
    const { consume, ready, publish, idle, health } = createShop();
    const first = vi.fn();
    const second = vi.fn();

    const unsubscribe = consume('order.paid', 'mail', first);
    unsubscribe();
    consume('order.paid', 'mail', second);
    unsubscribe();
    expect(health().consumers).toHaveLength(1);
    await ready();
    await publish('order.paid', { orderId: '1' });
    await idle();

    expect(first).not.toHaveBeenCalled();
    expect(second).toHaveBeenCalledOnce();
  });

  it('waits in memory for a process that consumes', async () => {
    const transport = memory();
    const first = createShop({ transport });
    const handler = vi.fn();
    const unsubscribe = first.consume('order.paid', 'mail', handler);
    await first.ready();

    unsubscribe();
    unsubscribe();
    await first.publish('order.paid', { orderId: '1' });
    await first.idle();
    const second = createShop({ transport });
    const seen: string[] = [];
    second.consume('order.paid', 'mail', ({ orderId }) => void seen.push(orderId));
    await second.ready();
    await second.idle();

    expect(handler).not.toHaveBeenCalled();
    expect(seen).toEqual(['1']);
  });
});

describe('a delivery once close() was called', () => {
  it('is not handled, also if it waited for room', async () => {
    const { transport, deliver } = createFakeTransport();
    const { consume, ready, close } = createShop({ transport, concurrency: 1 });
    const gate = createGate();
    const seen: string[] = [];
    consume('order.placed', 'mail', async ({ orderId }) => {
      seen.push(orderId);
      await gate.promise;
    });
    await ready();

    const running = deliver(createDelivery({ body: eventOf('1') }));
    const waiting = deliver(createDelivery({ body: eventOf('2') }));
    const closing = close();
    const late = deliver(createDelivery({ body: eventOf('3') }));
    gate.open();
    await closing;

    expect(await running).toEqual({ is: 'done' });
    expect(await waiting).toMatchObject(ELSEWHERE);
    expect(await late).toMatchObject(ELSEWHERE);
    expect(seen).toEqual(['1']);
  });
});

describe('a delivery that is none', () => {
  it('becomes a dead letter, and idle() does not wait for it', async () => {
    const { transport, deliver } = createFakeTransport();
    const { consume, ready, idle } = createShop({ transport });
    consume('order.placed', 'mail', () => {});
    await ready();

    const outcome = await deliver({ ...createDelivery(), signal: undefined as never });
    await idle();

    expect(outcome).toMatchObject({ is: 'dead', reason: 'undecodable' });
  });
});

describe('an event whose process dies in a handler', () => {
  it('comes again as the same attempt, with the same id, and its signal was aborted', async () => {
    const transport = rehearsal({ seed: 1, deaths: 0.5, duplicates: 0, maxDelayMs: 2 });
    const { consume, ready, publish, idle, deadLetters } = createShop({ transport });
    const seen: { readonly id: string; readonly attempt: number; readonly signal: AbortSignal }[] = [];
    consume('order.paid', 'mail', async (_, { id, attempt, signal }) => {
      seen.push({ id, attempt, signal });
      await laterTurns();
    });
    await ready();

    const ids: string[] = [];
    for (let n = 0; n < 20; n++) ids.push((await publish('order.paid', { orderId: String(n) })).id);
    await idle();

    const died = seen.filter(({ signal }) => signal.aborted);
    expect(died.length).toBeGreaterThan(0);
    expect(died.every(({ id }) => seen.some((one) => one.id === id && !one.signal.aborted))).toBe(true);
    expect([...new Set(seen.map(({ id }) => id))].toSorted()).toEqual(ids.toSorted());
    expect(seen.every(({ attempt }) => attempt === 1)).toBe(true);
    expect((await deadLetters.page()).letters).toEqual([]);
  });
});

describe('a consumer that cannot be stopped', () => {
  it('is logged, crashes nothing, and does not keep the bus from closing', async () => {
    const stop = async () => fail();
    const { transport } = createFakeTransport({ consume: async () => ({ stop }) });
    const { consume, ready, close, logged } = createShop({ transport });
    const unhandled = recordUnhandled();
    const unsubscribe = consume('order.placed', 'mail', () => {});
    consume('order.placed', 'ledger', () => {});
    await ready();

    unsubscribe();
    await vi.waitFor(() => expect(logged('event_consumer_stop_failed')).toHaveLength(1));
    await expect(close()).resolves.toBeUndefined();

    expect(logged('event_consumer_stop_failed')).toEqual(
      ['mail', 'ledger'].map((consumer) => ({
        level: 'warn',
        message: 'event_consumer_stop_failed',
        fields: { consumer, error: new Error('no') },
      })),
    );
    expect(unhandled).toEqual([]);
  });
});
