import { memory, nonRetryable } from 'mapbus/service';
import { rehearsal } from 'mapbus/testing';
import { describe, expect, it, vi } from 'vitest';
import { createGate } from '../support.ts';
import { createDelivery, createFakeTransport, createShop, type Events, FEATURES, fail, laterTurns } from './support.ts';

/** Orders of one key begin with the same letter. */
const keys = { 'order.paid': ({ orderId }: Events['order.paid']) => orderId[0] ?? '' };

const range = (key: string, count: number) => Array.from({ length: count }, (_, index) => `${key}${index}`);

/** What the handlers of one consumer do, in all processes: which run, how many at once for a key, and in which order. */
const createWatch = () => {
  const running: string[] = [];
  const seen: string[] = [];
  let most = 0;
  const handle = async (orderId: string, work: Promise<unknown> = laterTurns(1)) => {
    running.push(orderId);
    most = Math.max(most, running.length);
    await work;
    running.splice(running.indexOf(orderId), 1);
    seen.push(orderId);
  };
  return { handle, running, seen, most: () => most };
};

describe('with order: "key"', () => {
  it('events of one key are handled one at a time, in publish order, retries included', async () => {
    const { consume, ready, publish, idle } = createShop({ keys });
    const seen: string[] = [];
    const handler = async ({ orderId }: { orderId: string }, { attempt }: { attempt: number }) => {
      await undefined;
      if (attempt === 1 && Number(orderId.slice(1)) % 7 === 0) throw new Error('no');
      seen.push(orderId);
    };
    consume('order.paid', 'ledger', handler, { order: 'key' });
    await ready();

    for (let index = 0; index < 50; index++)
      for (const key of ['a', 'b', 'c']) void publish('order.paid', { orderId: `${key}${index}` });
    await vi.waitFor(() => expect(seen).toHaveLength(150));
    await idle();

    for (const key of ['a', 'b', 'c']) expect(seen.filter((id) => id.startsWith(key))).toEqual(range(key, 50));
  });

  it('a dead letter lets the next event of its key go on', async () => {
    const { consume, ready, publish, idle } = createShop({ keys });
    const seen: string[] = [];
    const handler = ({ orderId }: { orderId: string }) => {
      if (orderId === 'a0') throw nonRetryable('no');
      seen.push(orderId);
    };
    consume('order.paid', 'ledger', handler, { order: 'key' });
    await ready();

    for (const orderId of range('a', 3)) await publish('order.paid', { orderId });
    await idle();

    expect(seen).toEqual(['a1', 'a2']);
  });

  it('events without a key do not wait, and the log says once that they have no order', async () => {
    const { consume, ready, publish, logged } = createShop();
    const gate = createGate();
    const running = new Set<string>();
    const handler = ({ orderId }: { orderId: string }) => {
      running.add(orderId);
      return gate.promise;
    };
    consume('order.paid', 'ledger', handler, { order: 'key' });
    await ready();

    const { id } = await publish('order.paid', { orderId: '1' });
    await vi.waitFor(() => expect(running.size).toBe(1));
    await publish('order.paid', { orderId: '2' });
    await vi.waitFor(() => expect(running.size).toBe(2));
    gate.open();

    const fields = { eventName: 'order.paid', eventId: id, consumer: 'ledger' };
    expect(logged('event_key_missing')).toEqual([{ level: 'warn', message: 'event_key_missing', fields }]);
  });

  it('the log does not complain of a key that only the transport has', async () => {
    const { transport, deliver } = createFakeTransport();
    const { consume, ready, logged } = createShop({ transport });
    consume('order.placed', 'ledger', () => {}, { order: 'key' });
    await ready();

    await deliver(createDelivery({ key: 'k' }));
    expect(logged('event_key_missing')).toEqual([]);
    await deliver(createDelivery());

    expect(logged('event_key_missing')).toHaveLength(1);
  });

  it('rehearsal() delivers each event twice where all are doubled, and keeps the order', async () => {
    const { consume, ready, publish, idle } = createShop({ keys, transport: rehearsal({ duplicates: 1 }) });
    const seen: string[] = [];
    consume('order.paid', 'ledger', ({ orderId }) => void seen.push(orderId), { order: 'key' });
    await ready();

    for (const orderId of range('a', 5)) await publish('order.paid', { orderId });
    await idle();

    expect(seen).toEqual(range('a', 5).flatMap((orderId) => [orderId, orderId]));
  });

  it('a transport that cannot order refuses the consumer', () => {
    const { transport } = createFakeTransport({ features: { ...FEATURES, ordersByKey: false } });
    const { consume } = createShop({ transport });

    expect(() => consume('order.paid', 'ledger', () => {}, { order: 'key' })).toThrow(TypeError);
    expect(() => consume('order.paid', 'ledger', () => {})).not.toThrow();
  });
});

describe('without order: "key"', () => {
  it('memory() shuffles what waits, so that nobody relies on an order', async () => {
    const { consume, ready, publish, idle } = createShop({ keys });
    const seen: string[] = [];
    consume('order.paid', 'ledger', ({ orderId }) => void seen.push(orderId));
    await ready();

    for (const orderId of range('a', 50)) void publish('order.paid', { orderId });
    await idle();

    expect(seen).not.toEqual(range('a', 50));
    expect(seen.toSorted()).toEqual(range('a', 50).toSorted());
  });
});

describe('a deploy that adds order: "key"', () => {
  it('orders what waits, beside what is in hand', async () => {
    const transport = memory();
    const gate = createGate();
    const old = createShop({ transport, keys });
    const inHand = new Set<string>();
    const hold = ({ orderId }: { orderId: string }) => {
      inHand.add(orderId);
      return gate.promise;
    };
    old.consume('order.paid', 'ledger', hold, { concurrency: 3 });
    await old.ready();
    for (const orderId of range('a', 3)) await old.publish('order.paid', { orderId });
    await vi.waitFor(() => expect(inHand.size).toBe(3));
    for (const orderId of range('b', 2)) await old.publish('order.paid', { orderId });

    const { handle, seen, most } = createWatch();
    const { consume, ready, publish, idle } = createShop({ transport, keys });
    consume('order.paid', 'ledger', ({ orderId }) => handle(orderId), { order: 'key' });
    await ready();
    for (const orderId of range('a', 9).slice(3)) await publish('order.paid', { orderId });
    await laterTurns();
    expect(seen.filter((orderId) => orderId.startsWith('a'))).toEqual([]);
    const closed = old.close();
    gate.open();
    await closed;
    await idle();

    expect(seen.filter((orderId) => orderId.startsWith('a'))).toEqual(range('a', 9).slice(3));
    expect(seen.filter((orderId) => orderId.startsWith('b')).toSorted()).toEqual(range('b', 2));
    expect(most()).toBeLessThanOrEqual(2);
  });
});

describe('a deploy that drops order: "key"', () => {
  it('leaves nothing behind a key that is in hand or waits for its retry', async () => {
    const transport = memory();
    const gate = createGate();
    const old = createShop({ transport, keys, consumers: { retryDelayMs: 100_000 } });
    const seen: string[] = [];
    const started = new Set<string>();
    const hold = async ({ orderId }: { orderId: string }) => {
      started.add(orderId);
      if (orderId === 'a0') await gate.promise;
      if (orderId === 'b0') fail();
      seen.push(orderId);
    };
    old.consume('order.paid', 'ledger', hold, { order: 'key' });
    await old.ready();
    for (const orderId of [...range('a', 3), ...range('b', 3)]) await old.publish('order.paid', { orderId });
    await vi.waitFor(() => expect([...started].toSorted()).toEqual(['a0', 'b0']));

    const { consume, ready, idle, publish } = createShop({ transport, keys });
    consume('order.paid', 'ledger', ({ orderId }) => void seen.push(orderId));
    await ready();
    await vi.waitFor(() => expect(seen.toSorted()).toEqual(['a1', 'a2', 'b1', 'b2']));
    await publish('order.paid', { orderId: 'a3' });
    await vi.waitFor(() => expect(seen).toContain('a3'));
    gate.open();
    await idle();

    expect(seen.toSorted()).toEqual(['a0', 'a1', 'a2', 'a3', 'b1', 'b2']);
  });
});
