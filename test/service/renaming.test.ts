import { memory, nonRetryable } from 'mapbus/service';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createGate } from '../support.ts';
import { createShop, type Events, fail, laterTurns } from './support.ts';

afterEach(() => {
  vi.useRealTimers();
});

const keys = { 'order.paid': () => 'k' };

/** A consumer that keeps the orders that it gets. */
const collect =
  (seen: string[]) =>
  ({ orderId }: Events['order.paid']) =>
    void seen.push(orderId);

describe('a consumer that was renamed', () => {
  it('gets what waits for its former name, and what is published then', async () => {
    const transport = memory();
    const old = createShop({ transport });
    const stop = old.consume('order.paid', 'charge', () => {});
    await old.ready();
    stop();
    await old.publish('order.paid', { orderId: '1' });

    const { consume, ready, publish, idle } = createShop({ transport });
    const seen: string[] = [];
    consume('order.paid', 'charge-card', collect(seen), { formerly: 'charge' });
    await ready();
    await publish('order.paid', { orderId: '2' });
    await idle();

    expect(seen.toSorted()).toEqual(['1', '2']);
  });

  it('loses nothing in a rolling deploy', async () => {
    const transport = memory();
    const gate = createGate();
    const handled = new Set<string>();
    const old = createShop({ transport });
    const slow = async ({ orderId }: Events['order.paid']) => {
      await gate.promise;
      handled.add(orderId);
    };
    old.consume('order.paid', 'charge', slow, { concurrency: 1 });
    await old.ready();
    for (let n = 0; n < 5; n++) await old.publish('order.paid', { orderId: String(n) });
    await vi.waitFor(() => expect(old.health().consumers).toMatchObject([{ running: 1 }]));

    const { consume, ready, idle } = createShop({ transport });
    consume('order.paid', 'charge-card', ({ orderId }) => void handled.add(orderId), { formerly: 'charge' });
    await ready();
    const closed = old.close();
    gate.open();
    await closed;
    await idle();

    expect([...handled].toSorted()).toEqual(['0', '1', '2', '3', '4']);
  });

  it('shares its events with an old process: each goes to one of the two', async () => {
    const transport = memory();
    const old = createShop({ transport });
    const seen: string[] = [];
    old.consume('order.paid', 'charge', collect(seen));
    await old.ready();
    const { consume, ready, publish, idle } = createShop({ transport });
    consume('order.paid', 'charge-card', collect(seen), { formerly: 'charge' });
    await ready();

    for (let n = 0; n < 20; n++) await publish('order.paid', { orderId: String(n) });
    await idle();

    expect(seen).toHaveLength(20);
    expect(new Set(seen).size).toBe(20);
  });

  it('gets the dead letters of its former name when they are redriven', async () => {
    const transport = memory();
    const old = createShop({ transport });
    old.consume('order.paid', 'charge', () => {
      throw nonRetryable('no');
    });
    await old.ready();
    await old.publish('order.paid', { orderId: '1' });
    await old.idle();
    await old.close();

    const { consume, ready, idle, deadLetters } = createShop({ transport });
    const seen: string[] = [];
    consume('order.paid', 'charge-card', collect(seen), { formerly: 'charge' });
    await ready();
    await deadLetters.redrive((await deadLetters.page()).letters);
    await idle();

    expect(seen).toEqual(['1']);
  });

  it('refuses its own name as the former one', () => {
    const { consume } = createShop();

    expect(() => consume('order.paid', 'charge', () => {}, { formerly: 'charge' })).toThrow(TypeError);
    expect(() => consume('order.paid', 'charge', () => {}, { formerly: 'charge' })).toThrow(
      'consume options.formerly: expected another name than that of the consumer',
    );
  });

  it('may take a former name that nobody has run', async () => {
    const { consume, ready, publish, idle } = createShop();
    const seen: string[] = [];
    consume('order.paid', 'charge-card', collect(seen), { formerly: 'charge' });
    await ready();

    await publish('order.paid', { orderId: '1' });
    await idle();

    expect(seen).toEqual(['1']);
  });
});

describe('a consumer that was renamed twice', () => {
  it('gets what waits at its first name and what is published to it', async () => {
    const transport = memory();
    const seen: string[] = [];
    const start = async (consumer: string, formerly?: string) => {
      const shop = createShop({ transport });
      const stop = shop.consume('order.paid', consumer, collect(seen), { formerly });
      await shop.ready();
      return { ...shop, stop };
    };
    const first = await start('charge');
    first.stop();
    await first.publish('order.paid', { orderId: 'before the renames' });
    const second = await start('charge-card', 'charge');
    second.stop();
    const third = await start('pay', 'charge-card');
    await third.idle();
    third.stop();
    await third.publish('order.paid', { orderId: 'after the renames' });

    const restarted = await start('charge');
    await restarted.idle();
    await restarted.publish('order.paid', { orderId: 'with a process of the first version' });
    await restarted.idle();

    expect(seen).toEqual(['before the renames', 'after the renames', 'with a process of the first version']);
  });

  it('may get its first name back', async () => {
    const transport = memory();
    const seen: string[] = [];
    const start = async (consumer: string, formerly?: string) => {
      const shop = createShop({ transport });
      shop.consume('order.paid', consumer, collect(seen), { formerly });
      await shop.ready();
      return shop;
    };
    const first = await start('charge');
    const second = await start('charge-card', 'charge');
    const third = await start('charge', 'charge-card');

    await first.close();
    await second.close();
    await third.publish('order.paid', { orderId: '1' });
    await third.idle();

    expect(seen).toEqual(['1']);
  });
});

describe('a retry that waits', () => {
  const RETRY_MS = 100_000;

  /** An event that waits for its second attempt. */
  const failOnce = async (options: { order?: 'key' } = {}) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
    vi.spyOn(Math, 'random').mockReturnValue(0);
    const transport = memory();
    const old = createShop({ transport, keys });
    const stop = old.consume('order.paid', 'charge', fail, { retryDelayMs: RETRY_MS, ...options });
    await old.ready();
    await old.publish('order.paid', { orderId: '1' });
    await old.idle();
    stop();
    expect(old.logged('event_retried')).toHaveLength(1);
    return { transport, old };
  };

  it.each([
    ['without an order', {}],
    ['with an order', { order: 'key' }],
  ] as const)('keeps its delay when its consumer is renamed, %s', async (_, options) => {
    const { transport } = await failOnce(options);
    await vi.advanceTimersByTimeAsync(RETRY_MS / 2);

    const { consume, ready, idle } = createShop({ transport, keys });
    const attempts: number[] = [];
    const handler = (_event: unknown, { attempt }: { attempt: number }) => void attempts.push(attempt);
    consume('order.paid', 'charge-card', handler, { formerly: 'charge', ...options });
    await ready();
    await vi.advanceTimersByTimeAsync(RETRY_MS / 2 - 1);
    await laterTurns();
    expect(attempts).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    await idle();

    expect(attempts).toEqual([2]);
  });

  it('is no reason for idle() to wait after its consumer was renamed', async () => {
    const { transport } = await failOnce();
    const { consume, ready, idle } = createShop({ transport });
    const handler = vi.fn();
    consume('order.paid', 'charge-card', handler, { formerly: 'charge' });
    await ready();

    await idle();

    expect(handler).not.toHaveBeenCalled();
  });

  it('holds its key after its consumer was renamed', async () => {
    const { transport } = await failOnce({ order: 'key' });
    const { consume, ready, publish, idle } = createShop({ transport, keys });
    const seen: string[] = [];
    consume('order.paid', 'charge-card', collect(seen), { formerly: 'charge', order: 'key' });
    await ready();

    await publish('order.paid', { orderId: '2' });
    await idle();
    expect(seen).toEqual([]);
    await vi.advanceTimersByTimeAsync(RETRY_MS);
    await idle();

    expect(seen).toEqual(['1', '2']);
  });

  it('keeps its delay when the last process closes and another one connects', async () => {
    const { transport, old } = await failOnce();
    await vi.advanceTimersByTimeAsync(RETRY_MS / 2);
    const closed = old.close();
    await vi.advanceTimersByTimeAsync(0);
    await closed;
    expect(vi.getTimerCount()).toBe(0);

    const { consume, ready, idle } = createShop({ transport });
    const attempts: number[] = [];
    consume('order.paid', 'charge', (_, { attempt }) => void attempts.push(attempt));
    await ready();
    await vi.advanceTimersByTimeAsync(RETRY_MS / 2 - 1);
    await laterTurns();
    expect(attempts).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    await idle();

    expect(attempts).toEqual([2]);
  });
});

describe('an event in hand', () => {
  it.each([
    ['a process that consumes', false],
    ['a process that has unsubscribed', true],
  ])('holds its key after a rename, in %s', async (_, hasUnsubscribed) => {
    const transport = memory();
    const gate = createGate();
    const seen: string[] = [];
    const old = createShop({ transport, keys });
    const slow = async ({ orderId }: Events['order.paid']) => {
      await gate.promise;
      seen.push(orderId);
    };
    const stop = old.consume('order.paid', 'charge', slow, { order: 'key' });
    await old.ready();
    await old.publish('order.paid', { orderId: '1' });
    await vi.waitFor(() => expect(old.health().consumers).toMatchObject([{ running: 1 }]));
    if (hasUnsubscribed) stop();
    await old.publish('order.paid', { orderId: '2' });

    const { consume, ready, publish, idle } = createShop({ transport, keys });
    consume('order.paid', 'charge-card', collect(seen), { formerly: 'charge', order: 'key' });
    await ready();
    await publish('order.paid', { orderId: '3' });
    await laterTurns();
    expect(seen).toEqual([]);
    gate.open();
    await vi.waitFor(() => expect(seen).toHaveLength(3));
    await idle();

    expect(seen).toEqual(['1', '2', '3']);
  });

  it('comes again, once, at the new name when its process closes', async () => {
    const transport = memory();
    const old = createShop({ transport, keys });
    const stop = old.consume('order.paid', 'charge', () => new Promise(() => {}), { order: 'key' });
    await old.ready();
    await old.publish('order.paid', { orderId: '1' });
    await vi.waitFor(() => expect(old.health().consumers).toMatchObject([{ running: 1 }]));
    stop();
    const { consume, ready, idle } = createShop({ transport, keys });
    const seen: string[] = [];
    consume('order.paid', 'charge-card', collect(seen), { formerly: 'charge', order: 'key' });
    await ready();

    await old.close({ drainTimeoutMs: 0 });
    await idle();

    expect(seen).toEqual(['1']);
  });
});
