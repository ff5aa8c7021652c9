import { memory, nonRetryable } from 'mapbus/service';
import type { Transport } from 'mapbus/transport';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createGate } from '../support.ts';
import { createDelivery, createFakeTransport, createShop, FEATURES, fail } from './support.ts';

afterEach(() => {
  vi.useRealTimers();
});

describe('a consumer', () => {
  it('gets what JSON makes of the payload, in a later turn, with its context', async () => {
    const { consume, ready, publish, idle } = createShop({ keys: { 'order.placed': ({ orderId }) => orderId } });
    const seen: unknown[] = [];
    consume('order.placed', 'charge', (order, context) => {
      const { name, id, source, occurredAt, metadata, key, attempt, signal } = context;
      seen.push([order, { name, id, source, occurredAt, metadata, key, attempt, signal }]);
    });
    await ready();

    const result = await publish('order.placed', { orderId: '1', at: new Date(0) }, { metadata: { trace_id: 'a' } });
    expect(result.handlerCount).toBe(0);
    expect(seen).toEqual([]);
    await idle();

    expect(seen).toEqual([
      [
        { orderId: '1', at: '1970-01-01T00:00:00.000Z' },
        {
          name: 'order.placed',
          id: result.id,
          source: '/shop',
          occurredAt: result.occurredAt,
          metadata: { trace_id: 'a' },
          key: '1',
          attempt: 1,
          signal: expect.any(AbortSignal),
        },
      ],
    ]);
  });

  it('of several names gets the name and the payload', async () => {
    const { consume, ready, publish, idle } = createShop();
    const seen: unknown[] = [];
    consume(['order.paid', 'ticked'], 'audit', ({ name, payload }, context) =>
      seen.push([name, payload, context.name]),
    );
    await ready();

    await publish('order.paid', { orderId: '1' });
    await idle();
    await publish('ticked');
    await idle();

    expect(seen).toEqual([
      ['order.paid', { orderId: '1' }, 'order.paid'],
      ['ticked', undefined, 'ticked'],
    ]);
  });

  it('gets a payload of its own: what a handler changes, no other sees', async () => {
    const { consume, ready, publish, idle } = createShop();
    const payload = { orderId: '1' };
    const seen: string[] = [];
    const change = (received: { orderId: string }) => {
      seen.push(received.orderId);
      received.orderId = 'changed';
    };
    consume('order.paid', 'one', change);
    consume('order.paid', 'two', change);
    await ready();

    await publish('order.paid', payload);
    await idle();

    expect(seen).toEqual(['1', '1']);
    expect(payload).toEqual({ orderId: '1' });
  });

  it('cannot change its context', async () => {
    const { consume, ready, publish, idle, logged } = createShop();
    const context = createGate<object>();
    consume('order.paid', 'mail', (_, given) => context.open(given));
    await ready();

    await publish('order.paid', { orderId: '1' }, { metadata: { trace_id: 'a' } });
    await idle();

    const given = await context.promise;
    expect(() => Object.assign(given, { attempt: 2 })).toThrow(TypeError);
    expect(() => Object.assign(Reflect.get(given, 'metadata'), { trace_id: 'b' })).toThrow(TypeError);
    expect(logged('event_handler_failed')).toEqual([]);
  });

  it('shows its context to JSON.stringify and console.log, without internals', async () => {
    const { consume, ready, publish, idle } = createShop();
    const context = createGate<object>();
    consume('order.paid', 'mail', (_, given) => context.open(given));
    await ready();

    const { id, occurredAt } = await publish('order.paid', { orderId: '1' });
    await idle();

    const shown = { name: 'order.paid', id, source: '/shop', metadata: {}, attempt: 1 };
    const { inspect } = await import('node:util');
    expect(JSON.parse(JSON.stringify(await context.promise))).toEqual({
      ...shown,
      occurredAt: occurredAt.toISOString(),
    });
    expect(inspect(await context.promise)).toBe(
      inspect({ name: 'order.paid', id, source: '/shop', occurredAt, metadata: {}, key: undefined, attempt: 1 }),
    );
  });
});

describe('a failed attempt', () => {
  it('is retried alone with back-off, and then its event is a dead letter', async () => {
    const { health, consume, ready, publish, idle, logged, deadLetters } = createShop();
    const attempts: number[] = [];
    const other = vi.fn();
    const mail = (_: unknown, { attempt }: { attempt: number }) => {
      attempts.push(attempt);
      throw new Error('SMTP refused');
    };
    consume('order.paid', 'mail', mail, { maxAttempts: 3 });
    consume('order.paid', 'ledger', other);
    await ready();

    const { id } = await publish('order.paid', { orderId: '1' });
    await vi.waitFor(() => expect(logged('event_dead_lettered')).toHaveLength(1));
    await idle();

    expect(attempts).toEqual([1, 2, 3]);
    expect(other).toHaveBeenCalledOnce();
    expect(logged('event_retried').map(({ fields }) => fields.attempt)).toEqual([1, 2]);
    const { letters } = await deadLetters.page();
    expect(letters).toMatchObject([
      { consumer: 'mail', reason: 'handler_failed', attempt: 3, error: { message: 'SMTP refused' }, event: { id } },
    ]);
    expect(health().consumers).toMatchObject([
      { consumer: 'mail', inForce: true, lastError: { message: 'SMTP refused' } },
      { consumer: 'ledger', lastError: undefined },
    ]);
  });

  it.each([
    ['returns a promise that rejects', () => Promise.reject(new Error('no'))],
    ['throws what is no error', () => Promise.reject('no')],
    ['returns a broken thenable', () => ({ then: fail })],
  ])('is that of a handler that %s', async (_, handler) => {
    const { transport, deliver } = createFakeTransport();
    const { consume, ready } = createShop({ transport });
    consume('order.placed', 'mail', handler);
    await ready();

    expect(await deliver(createDelivery())).toMatchObject({ is: 'retry', attempt: 2, error: { message: 'no' } });
  });

  it('makes a dead letter at once of what it calls not retryable', async () => {
    const { consume, ready, publish, deadLetters, idle } = createShop();
    consume('order.paid', 'mail', () => {
      throw nonRetryable('no such order');
    });
    await ready();

    await publish('order.paid', { orderId: '1' });
    await idle();

    expect((await deadLetters.page()).letters).toMatchObject([
      { reason: 'non_retryable', attempt: 1, error: { message: 'no such order' } },
    ]);
  });

  it('waits as the table of the docs says: twice as long each time, up to two minutes, up to 25 % less at random', async () => {
    const { transport, deliver } = createFakeTransport();
    const { consume, ready } = createShop({ transport, consumers: {} });
    consume('order.placed', 'mail', fail);
    await ready();
    const delayAfter = async (attempt: number) => {
      const outcome = await deliver(createDelivery({ attempt }));
      return outcome.is === 'retry' ? outcome.afterMs : outcome.is;
    };
    const attempts = Array.from({ length: 12 }, (_, index) => index + 1);

    vi.spyOn(Math, 'random').mockReturnValue(0);
    const longest = await Promise.all(attempts.map(delayAfter));
    vi.spyOn(Math, 'random').mockReturnValue(1);
    const shortest = await Promise.all(attempts.map(delayAfter));

    const minutes = [120_000, 120_000, 120_000, 120_000];
    expect(longest).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, ...minutes, 'dead']);
    expect(shortest).toEqual(longest.map((delay) => (typeof delay === 'number' ? delay * 0.75 : delay)));
  });

  it('counts the deliveries of each attempt anew', async () => {
    const hub = memory();
    const counted: unknown[] = [];
    const connect: Transport['connect'] = (context) => {
      const connection = hub.connect(context);
      const consume: typeof connection.consume = (spec, deliver) =>
        connection.consume(spec, (delivery) => {
          counted.push([delivery.attempt, delivery.deliveries]);
          return deliver(delivery);
        });
      return { ...connection, consume };
    };
    const { consume, ready, publish, logged } = createShop({ transport: { connect } });
    consume('order.paid', 'mail', fail, { maxAttempts: 3 });
    await ready();

    await publish('order.paid', { orderId: '1' });
    await vi.waitFor(() => expect(logged('event_dead_lettered')).toHaveLength(1));

    expect(counted).toEqual([
      [1, 1],
      [2, 1],
      [3, 1],
    ]);
  });

  it('keeps a retryDelayMs above two minutes', async () => {
    const { transport, deliver } = createFakeTransport();
    const { consume, ready } = createShop({ transport });
    vi.spyOn(Math, 'random').mockReturnValue(0);
    consume('order.placed', 'mail', fail, { retryDelayMs: 600_000 });
    await ready();

    expect(await deliver(createDelivery())).toMatchObject({ is: 'retry', afterMs: 600_000 });
    expect(await deliver(createDelivery({ attempt: 5 }))).toMatchObject({ is: 'retry', afterMs: 600_000 });
  });

  it('never waits longer than the transport can', async () => {
    const { transport, deliver } = createFakeTransport({ features: { ...FEATURES, maxDelayMs: 1_000 } });
    const { consume, ready } = createShop({ transport });
    consume('order.placed', 'mail', fail, { retryDelayMs: 30_000 });
    await ready();

    expect(await deliver(createDelivery())).toMatchObject({ is: 'retry', attempt: 2, afterMs: 1_000 });
  });

  it('tells a transport how long its retries can wait at most', async () => {
    const { transport, specOf } = createFakeTransport();
    const { consume, ready } = createShop({ transport });
    consume('order.placed', 'mail', fail, { retryDelayMs: 10_000, maxAttempts: 12 });
    consume('order.placed', 'fax', fail, { retryDelayMs: 500_000, maxAttempts: 3 });
    await ready();

    expect(specOf('mail')?.retryDelaysMs).toEqual([1_000, 10_000, 20_000, 40_000, 80_000, 120_000]);
    expect(specOf('fax')?.retryDelaysMs).toEqual([1_000, 500_000]);
  });

  it('has the options of consume, then those of the bus, then the defaults', async () => {
    const { transport, specOf, deliver } = createFakeTransport();
    const consumers = { maxAttempts: 3, concurrency: 4, timeoutMs: undefined };
    const { consume, ready } = createShop({ transport, consumers });
    consume('order.placed', 'mail', fail, { maxAttempts: 2, concurrency: undefined });
    await ready();

    expect(specOf('mail')).toEqual({
      consumer: 'mail',
      names: ['order.placed'],
      order: undefined,
      concurrency: 4,
      timeoutMs: 60_000,
      retryDelaysMs: [1_000],
      expiresAfterMs: 31 * 24 * 60 * 60 * 1_000,
      formerly: undefined,
    });
    expect(await deliver(createDelivery({ attempt: 2 }))).toMatchObject({ is: 'dead', reason: 'handler_failed' });
  });
});

describe('an attempt that takes longer than its timeoutMs', () => {
  it('fails, and its signal is aborted', async () => {
    const { transport, deliver } = createFakeTransport();
    const { consume, ready, health } = createShop({ transport });
    const gate = createGate();
    const signals: AbortSignal[] = [];
    consume(
      'order.placed',
      'mail',
      (_, context) => {
        signals.push(context.signal, context.signal);
        return gate.promise;
      },
      { timeoutMs: 1 },
    );
    await ready();

    const outcome = await deliver(createDelivery());

    expect(outcome).toMatchObject({ is: 'retry', attempt: 2, error: { name: 'TimeoutError' } });
    expect(signals[0]?.reason).toMatchObject({ code: 'timeout', name: 'TimeoutError' });
    expect(signals[1]).toBe(signals[0]);
    expect(health().consumers).toMatchObject([{ running: 0, abandoned: 1 }]);
    gate.open();
    await vi.waitFor(() => expect(health().consumers).toMatchObject([{ running: 0, abandoned: 0 }]));
  });

  it('has an aborted signal also if the handler asks for it later', async () => {
    const { transport, deliver } = createFakeTransport();
    const { consume, ready } = createShop({ transport });
    const gate = createGate();
    const late = createGate<AbortSignal>();
    const handler = async (_: unknown, context: { signal: AbortSignal }) => {
      await gate.promise;
      late.open(context.signal);
    };
    consume('order.placed', 'mail', handler, { timeoutMs: 1 });
    await ready();

    await deliver(createDelivery());
    gate.open();

    expect((await late.promise).reason).toMatchObject({ code: 'timeout' });
  });

  it('has its time from the start of its handler, not while it waits for room', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
    const { transport, deliver } = createFakeTransport();
    const { consume, ready } = createShop({ transport, concurrency: 1 });
    const gates = [createGate(), createGate()] as const;
    const waiting = [...gates];
    consume('order.placed', 'mail', () => waiting.shift()?.promise, { timeoutMs: 1_000 });
    await ready();

    const first = deliver(createDelivery());
    const second = deliver(createDelivery());
    await vi.advanceTimersByTimeAsync(900);
    gates[0].open();
    expect(await first).toEqual({ is: 'done' });
    await vi.advanceTimersByTimeAsync(900);
    gates[1].open();

    expect(await second).toEqual({ is: 'done' });
  });

  it('logs a late failure with the name of the consumer', async () => {
    const { transport, deliver } = createFakeTransport();
    const { consume, ready, logged } = createShop({ transport });
    const gate = createGate();
    consume('order.placed', 'mail', () => gate.promise, { timeoutMs: 1, maxAttempts: 1 });
    await ready();

    await deliver(createDelivery());
    gate.fail(new RangeError('late'));

    await vi.waitFor(() => expect(logged('event_handler_failed_late')).toHaveLength(1));
    expect(logged('event_handler_failed_late')).toEqual([
      {
        level: 'warn',
        message: 'event_handler_failed_late',
        fields: {
          eventName: 'order.placed',
          eventId: 'event-1',
          handlerName: 'mail',
          consumer: 'mail',
          attempt: 1,
          errorType: 'RangeError',
          errorMessage: 'late',
          error: new RangeError('late'),
        },
      },
    ]);
  });
});

describe('nonRetryable', () => {
  it('gives an error with the reason and the cause that it was given', () => {
    const cause = new Error('404');

    expect(nonRetryable('unknown currency').message).toBe('unknown currency');
    expect(nonRetryable('unknown currency')).not.toHaveProperty('cause');
    expect(nonRetryable('unknown currency', { cause })).toMatchObject({
      name: 'NonRetryableError',
      code: 'non_retryable',
      cause,
    });
  });

  it('is not taken for an error that throws when it is read', async () => {
    const { transport, deliver } = createFakeTransport();
    const { consume, ready } = createShop({ transport });
    consume('order.placed', 'mail', () => {
      throw new Proxy({}, { has: fail, get: fail });
    });
    await ready();

    expect(await deliver(createDelivery())).toMatchObject({ is: 'retry', attempt: 2 });
  });
});
