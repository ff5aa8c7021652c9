import type { Observer } from 'mapbus';
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

describe('health()', () => {
  it('tells whether the bus is connected, and since when', async () => {
    const { health, close } = createShop();
    const before = health();

    await close();

    expect(before).toMatchObject({ connected: true, since: expect.any(Date), consumers: [] });
    expect(health().connected).toBe(false);
  });

  it('tells of each consumer what it does', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1_000 });
    const { transport, deliver } = createFakeTransport();
    const { consume, ready, health } = createShop({ transport });
    const gate = createGate();
    consume(['order.placed', 'order.paid'], 'mail', () => gate.promise);
    const idle = {
      consumer: 'mail',
      names: ['order.placed', 'order.paid'],
      running: 0,
      abandoned: 0,
      lastDeliveryAt: undefined,
      lastFailureAt: undefined,
      lastError: undefined,
    };
    expect(health().consumers).toEqual([{ ...idle, inForce: false }]);
    await ready();

    const delivering = deliver(createDelivery());
    expect(health().consumers).toEqual([{ ...idle, inForce: true, running: 1, lastDeliveryAt: new Date(1_000) }]);
    vi.setSystemTime(2_000);
    gate.fail(new RangeError('no'));
    await delivering;
    vi.useRealTimers();

    expect(health()).toEqual({
      connected: true,
      since: new Date(0),
      consumers: [
        {
          ...idle,
          inForce: true,
          lastDeliveryAt: new Date(1_000),
          lastFailureAt: new Date(2_000),
          lastError: { name: 'RangeError', message: 'no' },
        },
      ],
    });
  });

  it('tells nothing of a consumer that has unsubscribed', () => {
    const { consume, health } = createShop();

    consume('order.paid', 'mail', () => {})();

    expect(health().consumers).toEqual([]);
  });
});

describe('the log', () => {
  it('has a line for each failed attempt, and one for each retry', async () => {
    const { transport, deliver } = createFakeTransport();
    const { consume, ready, lines } = createShop({ transport });
    vi.spyOn(Math, 'random').mockReturnValue(0);
    consume('order.placed', 'mail', fail, { retryDelayMs: 1_000 });
    await ready();

    await deliver(createDelivery({ attempt: 2 }));

    const event = { eventName: 'order.placed', eventId: 'event-1' };
    expect(lines).toEqual([
      {
        level: 'warn',
        message: 'event_handler_failed',
        fields: {
          ...event,
          handlerName: 'mail',
          consumer: 'mail',
          attempt: 2,
          errorType: 'Error',
          errorMessage: 'no',
          error: new Error('no'),
        },
      },
      {
        level: 'debug',
        message: 'event_retried',
        fields: { ...event, consumer: 'mail', attempt: 2, reason: 'handler_failed', afterMs: 2_000 },
      },
    ]);
  });

  it('has no line for an attempt that succeeds', async () => {
    const { consume, ready, publish, idle, lines } = createShop();
    consume('order.paid', 'mail', () => {});
    await ready();

    await publish('order.paid', { orderId: '1' });
    await idle();

    expect(lines).toEqual([]);
  });
});

describe('a logger and an onFailure that throw', () => {
  it('change no outcome', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => {});
    const { transport, deliver } = createFakeTransport();
    const { consume, ready } = createShop({
      transport,
      logger: { debug: fail, warn: fail, error: fail },
      onFailure: fail,
    });
    consume('order.placed', 'mail', fail, { maxAttempts: 2 });
    await ready();

    expect(await deliver(createDelivery())).toMatchObject({ is: 'retry', attempt: 2 });
    expect(await deliver(createDelivery({ attempt: 2 }))).toMatchObject({ is: 'dead', reason: 'handler_failed' });
    expect(await deliver(createDelivery({ body: '{' }))).toMatchObject({ is: 'dead', reason: 'undecodable' });
  });
});

describe('onFailure', () => {
  it('hears of each failed attempt of a consumer', async () => {
    const heard: unknown[] = [];
    const { transport, deliver } = createFakeTransport();
    const { consume, ready } = createShop({
      transport,
      onFailure: (event, failure) => heard.push([event, failure]),
    });
    consume('order.placed', 'mail', fail, { maxAttempts: 1 });
    await ready();

    await deliver(createDelivery({ body: cloudEvent({ time: '1970-01-01T00:00:00Z', metadata: '{"trace_id":"a"}' }) }));

    expect(heard).toEqual([
      [
        {
          name: 'order.placed',
          payload: { orderId: '1' },
          id: 'event-1',
          occurredAt: new Date(0),
          metadata: expect.objectContaining({ trace_id: 'a' }),
        },
        { handlerName: 'mail', error: new Error('no') },
      ],
    ]);
  });
});

describe('an observer', () => {
  it('is around each attempt of a consumer, and around its handler', async () => {
    const calls: unknown[] = [];
    const observer: Observer = {
      deliver: async ({ name, id, metadata, attempt }, run) => {
        calls.push(['deliver', name, id, { ...metadata }, attempt]);
        try {
          await run();
          calls.push('done');
        } catch (error) {
          calls.push(error);
        }
      },
      handle: ({ handlerName, payload }, run) => {
        calls.push(['handle', handlerName, payload]);
        return run();
      },
    };
    const { transport, deliver } = createFakeTransport();
    const { consume, ready } = createShop({ transport, observers: [observer] });
    consume('order.placed', 'mail', async (_, { attempt }) => {
      if (attempt === 1) fail();
    });
    await ready();

    const body = cloudEvent({ metadata: '{"trace_id":"a"}' });
    const first = await deliver(createDelivery({ body }));
    await laterTurns();
    const second = await deliver(createDelivery({ body, attempt: 2 }));
    await laterTurns();

    expect([first, second]).toMatchObject([{ is: 'retry', attempt: 2 }, { is: 'done' }]);
    expect(calls).toEqual([
      ['deliver', 'order.placed', 'event-1', { trace_id: 'a' }, 1],
      ['handle', 'mail', { orderId: '1' }],
      new Error('no'),
      ['deliver', 'order.placed', 'event-1', { trace_id: 'a' }, 2],
      ['handle', 'mail', { orderId: '1' }],
      'done',
    ]);
  });

  it.each<[string, Observer]>([
    ['throws', { deliver: fail }],
    ['rejects', { deliver: async () => fail() }],
    ['never runs it', { deliver: () => {} }],
    ['runs it twice', { deliver: (_, run) => Promise.all([run(), run()]) }],
    ['throws around the handler', { handle: fail }],
  ])('that %s changes nothing', async (_, observer) => {
    vi.spyOn(console, 'error').mockImplementation(() => {});
    vi.spyOn(console, 'warn').mockImplementation(() => {});
    const { transport, deliver } = createFakeTransport();
    const { consume, ready } = createShop({ transport, observers: [observer] });
    const handler = vi.fn();
    consume('order.placed', 'mail', handler);
    await ready();

    expect(await deliver(createDelivery())).toEqual({ is: 'done' });
    expect(handler).toHaveBeenCalledOnce();
  });

  it('that never runs a failing attempt leaves no rejection unhandled', async () => {
    const { transport, deliver } = createFakeTransport();
    const { consume, ready } = createShop({ transport, observers: [{ deliver: () => {} }] });
    const unhandled = recordUnhandled();
    consume('order.placed', 'mail', fail);
    await ready();

    expect(await deliver(createDelivery())).toMatchObject({ is: 'retry', attempt: 2 });
    await laterTurns();

    expect(unhandled).toEqual([]);
  });

  it('hears the lines of the log', async () => {
    const heard: unknown[] = [];
    const log = (level: string, message: string) => heard.push([level, message]);
    const { transport, deliver } = createFakeTransport();
    const { consume, ready } = createShop({ transport, observers: [{ log }], logger: undefined });
    vi.spyOn(console, 'error').mockImplementation(() => {});
    consume('order.placed', 'mail', () => {});
    await ready();

    await deliver(createDelivery({ body: '{' }));

    expect(heard).toEqual([['error', 'event_dead_lettered']]);
  });

  it('is around each publish, with the metadata that it adds', async () => {
    const seen: unknown[] = [];
    const observer: Observer = {
      publish: async ({ name, handlerCount }, run) => {
        const { error } = await run({ region: 'eu' });
        seen.push([name, handlerCount, error?.code]);
      },
    };
    const { transport, published } = createFakeTransport();
    const { publish } = createShop({ transport, observers: [observer] });

    await publish('order.paid', { orderId: '1' });
    await publish('order.paid', { orderId: new Map() as never });

    expect(seen).toEqual([
      ['order.paid', 0, undefined],
      ['order.paid', 0, 'not_serializable'],
    ]);
    expect(JSON.parse(JSON.parse(published[0]?.body ?? '').metadata)).toEqual({ region: 'eu' });
  });
});
