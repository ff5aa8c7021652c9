import { createEventBus, type ObservedOutcome } from 'mapbus';
import { type CountsSnapshot, counts, createServiceBus, memory, nonRetryable } from 'mapbus/service';
import type { OperatorTools } from 'mapbus/transport';
import { describe, expect, it, vi } from 'vitest';
import { createGate } from '../support.ts';
import { cloudEvent, createDelivery, createFakeTransport, createShop, type Events, fail, hang } from './support.ts';

const quiet = { debug: () => {}, warn: () => {}, error: () => {} };

/** A shop whose deliveries the test hands out, and its counts. */
const createCountedShop = (options: Parameters<typeof createShop>[0] = {}) => {
  const numbers = counts();
  const fake = createFakeTransport();
  const shop = createShop({ transport: fake.transport, observers: [numbers.observer], ...options });
  return { ...shop, ...fake, publish: shop.publish, consumers: () => numbers.snapshot(shop).consumers, numbers, shop };
};

/** The names that have counted something. */
const risen = (counted: Readonly<Record<string, number>>) =>
  Object.fromEntries(Object.entries(counted).filter(([, count]) => count > 0));

describe('the publishes of counts()', () => {
  it('are counted by event name, and those that failed by code', async () => {
    const { publish, numbers } = createCountedShop();

    await publish('order.paid', { orderId: '1' });
    await publish('order.paid', { orderId: '2' });
    await publish('order.placed', { orderId: new Map() as never });

    const { published, failed } = numbers.snapshot().publishes;
    expect(published).toEqual({ 'order.paid': 2 });
    expect(risen(failed)).toEqual({ not_serializable: 1 });
    expect(failed).toMatchObject({ closed: 0, transport_unavailable: 0, publish_timeout: 0 });
  });

  it('are in hand until the transport has the event, and have a duration then', async () => {
    const gate = createGate<object>();
    const { transport } = createFakeTransport({ publish: () => gate.promise });
    const { publish, numbers } = createCountedShop({ transport });

    const publishing = publish('order.paid', { orderId: '1' });
    expect(numbers.snapshot().publishes).toMatchObject({ inHand: 1, durations: { count: 0 } });
    gate.open({});
    await publishing;

    expect(numbers.snapshot().publishes).toMatchObject({ inHand: 0, durations: { count: 1 } });
  });

  it('of more than a thousand names are counted as others', async () => {
    const numbers = counts();
    const { publish } = createEventBus<Record<string, undefined>>({ observers: [numbers.observer], logger: quiet });

    for (let index = 0; index < 1_003; index++) await publish(`name-${index}`);

    const { published } = numbers.snapshot().publishes;
    expect(Object.keys(published)).toHaveLength(1_001);
    expect(published['(other)']).toBe(3);
  });
});

describe('the handlers of counts()', () => {
  it('of a plain bus are counted, and those that failed by their name', async () => {
    const numbers = counts();
    const { subscribe, publish } = createEventBus<Events>({ observers: [numbers.observer], logger: quiet });
    subscribe('order.paid', () => {});
    subscribe('order.paid', fail, { name: 'sendMail' });

    await publish('order.paid', { orderId: '1' });

    const { handlers, publishes, connection, consumers } = numbers.snapshot();
    expect(handlers).toEqual({ handled: 1, failed: { sendMail: 1 } });
    expect(publishes.published).toEqual({ 'order.paid': 1 });
    expect([connection, consumers]).toEqual([undefined, {}]);
  });
});

describe('the consumers of counts()', () => {
  it('are there with 0 before their first event', async () => {
    const { consume, ready, consumers } = createCountedShop();
    consume('order.paid', 'mail', () => {});
    await ready();

    const { mail } = consumers();

    expect(mail).toMatchObject({ handled: 0, failed: 0, retried: 0, returned: 0, lost: 0, durations: { count: 0 } });
    expect(mail?.dead).toMatchObject({ handler_failed: 0, non_retryable: 0, undecodable: 0 });
    expect(mail?.now).toEqual({ inForce: true, inHand: 0, abandoned: 0 });
  });

  it('count what was handled, retried and given up', async () => {
    const { consume, ready, deliver, consumers } = createCountedShop();
    consume(
      'order.placed',
      'mail',
      async (_, { attempt }) => {
        if (attempt < 3) fail();
      },
      { maxAttempts: 2 },
    );
    await ready();

    await deliver(createDelivery({ attempt: 1 }));
    await deliver(createDelivery({ attempt: 2 }));
    await deliver(createDelivery({ attempt: 3 }));

    expect(consumers().mail).toMatchObject({ handled: 1, failed: 2, retried: 1, durations: { count: 3 } });
    expect(risen(consumers().mail?.dead ?? {})).toEqual({ handler_failed: 1 });
  });

  it('count a dead letter without an attempt as no failed attempt', async () => {
    const { consume, ready, deliver, consumers } = createCountedShop();
    consume('order.placed', 'mail', () => {
      throw nonRetryable('no such order');
    });
    await ready();

    await deliver(createDelivery({ body: '{' }));
    await deliver(createDelivery());

    expect(consumers().mail).toMatchObject({ handled: 0, failed: 1, durations: { count: 1 } });
    expect(risen(consumers().mail?.dead ?? {})).toEqual({ undecodable: 1, non_retryable: 1 });
  });

  it('count an attempt that another process has by now as lost', async () => {
    const { consume, ready, deliver, consumers } = createCountedShop();
    const gate = createGate();
    const elsewhere = new AbortController();
    consume('order.placed', 'mail', () => gate.promise);
    await ready();

    const delivering = deliver(createDelivery({ signal: elsewhere.signal }));
    elsewhere.abort();
    gate.open();
    await delivering;

    expect(consumers().mail).toMatchObject({ handled: 0, failed: 0, lost: 1, durations: { count: 0 } });
  });

  it('count an event that this process does not take as returned', async () => {
    const { consume, ready, deliver, consumers } = createCountedShop();
    consume('order.placed', 'mail', () => {});
    await ready();

    await deliver(createDelivery({ body: cloudEvent({ type: 'order.paid', time: new Date().toISOString() }) }));

    expect(consumers().mail).toMatchObject({ handled: 0, returned: 1 });
  });

  it('tell what is in hand and what is abandoned', async () => {
    const { consume, ready, deliver, consumers } = createCountedShop();
    consume('order.placed', 'mail', hang, { timeoutMs: 20 });
    await ready();

    const delivering = deliver(createDelivery());
    expect(consumers().mail?.now).toMatchObject({ inHand: 1, abandoned: 0 });
    await delivering;

    expect(consumers().mail).toMatchObject({ failed: 1, retried: 1, now: { inHand: 0, abandoned: 1 } });
    expect(consumers().mail?.now?.lastDeliveryAtMs).toBeGreaterThan(0);
    expect(consumers().mail?.now?.lastFailureAtMs).toBeGreaterThan(0);
  });

  it('have the number of waiting events that the bus has asked for, also of one that no process runs', async () => {
    const transport = memory();
    const numbers = counts();
    const old = createShop({ transport });
    old.consume('order.paid', 'search-index', () => {});
    await old.ready();
    await old.close();
    const shop = createShop({ transport, observers: [numbers.observer] });
    await shop.publish('order.paid', { orderId: '1' });

    const { consumers } = numbers.snapshot(shop, await shop.waiting());

    expect(consumers['search-index']).toMatchObject({ handled: 0, waiting: 1 });
    expect(consumers['search-index']?.now).toBeUndefined();
  });

  it('keep their counts when they are no longer registered', async () => {
    const { consume, ready, deliver, consumers } = createCountedShop();
    const stop = consume('order.placed', 'mail', () => {});
    await ready();
    await deliver(createDelivery());
    stop();

    expect(consumers().mail).toMatchObject({ handled: 1 });
    expect(consumers().mail?.now).toBeUndefined();
  });
});

describe('waiting()', () => {
  it('tells nothing over a transport that cannot tell', async () => {
    const { transport } = createFakeTransport();

    expect(await createShop({ transport }).waiting()).toEqual({});
  });

  it('leaves out a consumer for which the broker cannot tell', async () => {
    const known = { names: undefined, isRun: false, processes: undefined, lastSeenAt: undefined };
    const consumers = async () => [
      { ...known, consumer: 'mail', waiting: 3 },
      { ...known, consumer: 'search', waiting: undefined },
    ];
    const { transport } = createFakeTransport({ operator: { consumers } as unknown as OperatorTools });

    expect(await createShop({ transport }).waiting()).toEqual({ mail: 3 });
  });
});

describe('the durations of counts()', () => {
  it('are in the bucket that they fit into, and in all longer ones', async () => {
    const numbers = counts({ bucketsMs: [10, 100] });
    const fits = (durationMs: number): ObservedOutcome => ({
      consumer: 'mail',
      name: 'order.placed',
      id: '1',
      attempt: 1,
      outcome: 'done',
      reason: undefined,
      durationMs,
    });

    for (const durationMs of [10, 11, 100, 101]) numbers.observer.settle?.(fits(durationMs));

    expect(numbers.snapshot().consumers.mail?.durations).toEqual({
      count: 4,
      sumMs: 222,
      buckets: [
        { upToMs: 10, count: 1 },
        { upToMs: 100, count: 3 },
      ],
    });
  });
});

describe('the connection of counts()', () => {
  it('has what the transport tells, and the last event that it has taken', async () => {
    const health = () => ({ connected: false, since: new Date(1_000), reconnects: 2 });
    const { transport } = createFakeTransport({ health });
    const { publish, numbers, shop } = createCountedShop({ transport });
    expect(numbers.snapshot(shop).connection).toEqual({ connected: false, sinceMs: 1_000, reconnects: 2 });

    const before = Date.now();
    await publish('order.paid', { orderId: '1' });

    expect(numbers.snapshot(shop).connection?.lastConfirmAtMs).toBeGreaterThanOrEqual(before);
  });

  it('has no last event when the transport has refused it', async () => {
    const { transport } = createFakeTransport({ publish: async () => fail() });
    const { publish, numbers, shop } = createCountedShop({ transport });

    await publish('order.paid', { orderId: '1' });

    expect(numbers.snapshot(shop).connection?.lastConfirmAtMs).toBeUndefined();
  });
});

describe('the lines of counts()', () => {
  it('are warnings and errors, and are there with 0 from the beginning', async () => {
    const { consume, ready, deliver, numbers } = createCountedShop();
    consume('order.placed', 'mail', fail);
    await ready();
    expect(numbers.snapshot().lines).toMatchObject({ event_lost: 0, event_handler_failed: 0 });

    await deliver(createDelivery());

    expect(risen(numbers.snapshot().lines)).toEqual({ event_handler_failed: 1 });
  });
});

describe('a snapshot of counts()', () => {
  it('is what JSON makes of it', async () => {
    const numbers = counts();
    const bus = createServiceBus<Events>({
      service: 'shop',
      transport: memory(),
      sends: 'all',
      observers: [numbers.observer],
      logger: quiet,
    });
    bus.consume('order.paid', 'mail', () => {});
    await bus.ready();
    await bus.publish('order.paid', { orderId: '1' });
    await bus.idle();

    const snapshot: CountsSnapshot = numbers.snapshot(bus);

    expect(JSON.parse(JSON.stringify(snapshot))).toStrictEqual(snapshot);
    expect(snapshot.consumers.mail).toMatchObject({ handled: 1, now: { inForce: true } });
    await bus.close();
  });
});

describe('counts()', () => {
  it.each([
    [{ buckets: [1] }, 'counts options: unknown option buckets, expected bucketsMs'],
    [{ bucketsMs: 5 }, 'counts options.bucketsMs: expected array, got 5'],
    [{ bucketsMs: [1, 0] }, 'counts options.bucketsMs[1]: expected positive number, got 0'],
    [{ bucketsMs: [5, 5] }, 'counts options.bucketsMs[1]: expected more than the one before, got 5'],
  ])('refuses the options %j', (options, message) => {
    expect(() => counts(options as never)).toThrow(new TypeError(`[mapbus] ${message}`));
  });
});

describe('settle of an observer', () => {
  const createObserved = () => {
    const settled: ObservedOutcome[] = [];
    const settle = (one: ObservedOutcome) => void settled.push(one);
    return { settled, ...createCountedShop({ observers: [{ settle }] }) };
  };

  it('is told of each attempt what it came to, and how long it took', async () => {
    const { settled, consume, ready, deliver } = createObserved();
    consume('order.placed', 'mail', async (_, { attempt }) => {
      if (attempt === 1) fail();
    });
    await ready();

    await deliver(createDelivery());
    await deliver(createDelivery({ attempt: 2 }));

    const event = { consumer: 'mail', name: 'order.placed', id: 'event-1', durationMs: expect.any(Number) };
    expect(settled).toEqual([
      { ...event, attempt: 1, outcome: 'retry', reason: 'handler_failed' },
      { ...event, attempt: 2, outcome: 'done', reason: undefined },
    ]);
  });

  it('is told of an event that cannot be read, without a name', async () => {
    const { settled, consume, ready, deliver } = createObserved();
    consume('order.placed', 'mail', () => {});
    await ready();

    await deliver(createDelivery({ body: '{' }));

    expect(settled).toEqual([
      {
        consumer: 'mail',
        name: undefined,
        id: undefined,
        attempt: 1,
        outcome: 'dead',
        reason: 'undecodable',
        durationMs: undefined,
      },
    ]);
  });

  it.each(['before', 'while'])('is told of a delivery that was lost %s it was handled', async (when) => {
    const { settled, consume, ready, deliver } = createObserved();
    const lost = new AbortController();
    consume('order.placed', 'mail', () => lost.abort());
    await ready();
    if (when === 'before') lost.abort();

    await deliver(createDelivery({ signal: lost.signal }));

    expect(settled).toMatchObject([{ outcome: 'lost', attempt: 1 }]);
  });

  it('that throws changes nothing, and the console tells of it once', async () => {
    const reported = vi.spyOn(console, 'error').mockReturnValue();
    const { consume, ready, deliver } = createCountedShop({ observers: [{ settle: fail }] });
    consume('order.placed', 'mail', () => {});
    await ready();

    expect(await deliver(createDelivery())).toEqual({ is: 'done' });
    expect(await deliver(createDelivery())).toEqual({ is: 'done' });
    expect(reported).toHaveBeenCalledExactlyOnceWith(
      '[mapbus] settle of observer 0 failed. Its further failures are not shown.',
      new Error('no'),
    );
  });
});
