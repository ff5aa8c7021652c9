import { Buffer } from 'node:buffer';
import { memory } from 'mapbus/service';
import { rehearsal } from 'mapbus/testing';
import type { Message } from 'mapbus/transport';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createGate } from '../support.ts';
import { createFakeTransport, createShop, FEATURES, fail, hang, laterTurns, recordUnhandled } from './support.ts';

afterEach(() => {
  vi.useRealTimers();
});

const notSent = { outcome: 'not-sent' };

describe('a publish', () => {
  it('starts local handlers at once, with the payload itself, and sends the event beside them', async () => {
    const events: unknown[] = [];
    const gate = createGate();
    const { transport } = createFakeTransport({
      publish: async () => {
        events.push('sent');
        return {};
      },
    });
    const { subscribe, publish } = createShop({ transport });
    const order = { orderId: '1', at: new Date(0) };
    subscribe('order.placed', async (received) => {
      events.push(received);
      await gate.promise;
      events.push('handled');
    });

    const publishing = publish('order.placed', order);
    expect(events[0]).toBe(order);
    await laterTurns();
    gate.open();
    const { handlerCount, error } = await publishing;

    expect({ handlerCount, error }).toEqual({ handlerCount: 1, error: undefined });
    expect(events).toEqual([order, 'sent', 'handled']);
  });

  it('of a name that is not in sends stays in this process', async () => {
    const { transport, published } = createFakeTransport();
    const { subscribe, publish } = createShop({ transport, sends: ['order.placed'] });
    const handler = vi.fn();
    subscribe('order.paid', handler);

    await publish('order.paid', { orderId: '1' });
    await publish('order.placed', { orderId: '1' });

    expect(handler).toHaveBeenCalledOnce();
    expect(published.map(({ name }) => name)).toEqual(['order.placed']);
  });

  it('of a name that is not in sends takes what JSON cannot carry', async () => {
    const { publish, subscribe } = createShop({ sends: ['order.placed'] });
    const seen: unknown[] = [];
    subscribe('order.paid', (payload) => seen.push(payload));
    const payload = { orderId: new Map() } as never;

    const { error } = await publish('order.paid', payload, { session: {} });

    expect(error).toBeUndefined();
    expect(seen).toEqual([payload]);
  });

  it('of a name that this process consumes and does not send is logged, once', async () => {
    const { consume, ready, publish, logged } = createShop({ sends: ['order.placed'] });
    const handler = vi.fn();
    consume('order.paid', 'mail', handler);
    await ready();

    const { id } = await publish('order.paid', { orderId: '1' });
    await publish('order.paid', { orderId: '2' });

    expect(logged('event_not_sent')).toEqual([
      { level: 'warn', message: 'event_not_sent', fields: { eventName: 'order.paid', eventId: id } },
    ]);
    expect(handler).not.toHaveBeenCalled();
  });

  it('that no consumer anywhere gets is logged, once for each name', async () => {
    const { publish, logged } = createShop();

    const { id, error } = await publish('order.paid', { orderId: '1' });
    await publish('order.paid', { orderId: '2' });
    await publish('ticked');

    expect(error).toBeUndefined();
    expect(logged('event_unrouted')).toMatchObject([
      { level: 'warn', fields: { eventName: 'order.paid', eventId: id } },
      { level: 'warn', fields: { eventName: 'ticked' } },
    ]);
  });

  it('with local: false does not run the handlers here again, and consumers see the same event', async () => {
    const { subscribe, consume, ready, publish, idle } = createShop();
    const local = vi.fn();
    const ids: string[] = [];
    subscribe('order.paid', local);
    consume('order.paid', 'mail', (_, { id }) => void ids.push(id));
    await ready();

    const { id } = await publish('order.paid', { orderId: '1' });
    await publish('order.paid', { orderId: '1' }, { id, local: false });
    await idle();

    expect(local).toHaveBeenCalledOnce();
    expect(ids).toEqual([id, id]);
  });

  it('that fails is sent again over rehearsal(), with the same id', async () => {
    const { subscribe, consume, ready, publish, idle } = createShop({
      transport: rehearsal({ seed: 7, publishFailures: 0.5, duplicates: 0 }),
    });
    let local = 0;
    const ids = new Set<string>();
    subscribe('order.paid', () => void local++);
    consume('order.paid', 'mail', (_, { id }) => void ids.add(id));
    await ready();

    const sent: string[] = [];
    for (let n = 0; n < 20; n++) {
      let { id, error } = await publish('order.paid', { orderId: String(n) });
      while (error) ({ error } = await publish('order.paid', { orderId: String(n) }, { id, local: false }));
      sent.push(id);
    }
    await idle();

    expect(local).toBe(20);
    expect([...ids].toSorted()).toEqual(sent.toSorted());
  });

  it('reaches memory() a thousand and one times at once', async () => {
    const { consume, ready, publish } = createShop();
    consume('order.paid', 'mail', () => {});
    await ready();

    const orders = Array.from({ length: 1_001 }, (_, n) => ({ orderId: String(n) }));
    const results = await Promise.all(orders.map((order) => publish('order.paid', order)));

    expect(results.filter(({ error }) => error)).toEqual([]);
  });
});

describe('a message', () => {
  const publishOne = async (options: Parameters<typeof createShop>[0], given?: object) => {
    const { transport, published } = createFakeTransport();
    const { publish } = createShop({ transport, ...options });
    const occurredAt = new Date(0);
    await publish('order.paid', { orderId: '1' }, { id: 'event-1', occurredAt, ...given });
    return published[0] as Message;
  };

  it('is a CloudEvent 1.0 in structured JSON', async () => {
    const metadata = { traceparent: '00-a', tracestate: 'b=c', user: 'ü' };
    const message = await publishOne({ keys: { 'order.paid': ({ orderId }) => orderId } }, { metadata });

    expect(JSON.parse(message.body)).toEqual({
      specversion: '1.0',
      id: 'event-1',
      source: '/shop',
      type: 'order.paid',
      time: '1970-01-01T00:00:00.000Z',
      datacontenttype: 'application/json',
      traceparent: '00-a',
      tracestate: 'b=c',
      metadata: JSON.stringify(metadata),
      partitionkey: '1',
      data: { orderId: '1' },
    });
    expect({ ...message, body: undefined }).toEqual({
      name: 'order.paid',
      id: 'event-1',
      source: '/shop',
      key: '1',
      headers: { traceparent: '00-a', tracestate: 'b=c' },
      body: undefined,
    });
  });

  it('has nothing that the event has not', async () => {
    const message = await publishOne({ source: '/eu/shop' });

    expect(Object.keys(JSON.parse(message.body))).toEqual([
      'specversion',
      'id',
      'source',
      'type',
      'time',
      'datacontenttype',
      'data',
    ]);
    expect(message).toMatchObject({ source: '/eu/shop', key: undefined, headers: {} });
  });

  it('has no data for an event without a payload', async () => {
    const { transport, published } = createFakeTransport();
    const { publish } = createShop({ transport });

    await publish('ticked');

    expect(JSON.parse(published[0]?.body ?? '')).not.toHaveProperty('data');
  });

  it('has the metadata that the bus adds', async () => {
    const message = await publishOne({ metadata: () => ({ region: 'eu' }) }, { metadata: { user: 'ada' } });

    expect(JSON.parse(JSON.parse(message.body).metadata)).toEqual({ region: 'eu', user: 'ada' });
  });

  it('goes to a transport that knows the service, the namespace and the names', () => {
    const { transport, context } = createFakeTransport();
    createShop({ transport, namespace: 'staging', sends: ['order.paid'] });

    expect(context()).toMatchObject({ service: 'shop', namespace: 'staging', sends: new Set(['order.paid']) });
  });

  it('may lead to trouble that the transport reports to the log', () => {
    const { transport, context } = createFakeTransport();
    const { lines } = createShop({ transport });

    context()?.report('warn', 'event_transport_trouble', { error: 'heartbeat' });

    expect(lines).toEqual([{ level: 'warn', message: 'event_transport_trouble', fields: { error: 'heartbeat' } }]);
  });
});

describe('maxEventBytes', () => {
  it('counts the bytes of the whole event, not its characters', async () => {
    const payload = { orderId: 'ü'.repeat(100) };
    const { transport, published } = createFakeTransport();
    const given = { id: 'event-1' };
    await createShop({ transport }).publish('order.paid', payload, given);
    const body = published[0]?.body ?? '';
    const bytes = Buffer.byteLength(body);
    expect(bytes).toBe(body.length + 100);

    const fits = createShop({ transport, maxEventBytes: bytes });
    const tooSmall = createShop({ transport, maxEventBytes: bytes - 1 });

    expect((await fits.publish('order.paid', payload, given)).error).toBeUndefined();
    expect((await tooSmall.publish('order.paid', payload, given)).error).toMatchObject({
      ...notSent,
      code: 'too_large',
      message: expect.stringContaining(`order.paid has ${bytes} bytes, and maxEventBytes is ${bytes - 1}`),
    });
    expect(published).toHaveLength(2);
  });

  it('of more than the transport can carry is refused, and leaves no connection open', () => {
    const close = vi.fn(async () => {});
    const { transport } = createFakeTransport({ features: { ...FEATURES, maxBytes: 100 }, close });

    expect(() => createShop({ transport, maxEventBytes: 101 })).toThrow(
      new TypeError(
        '[mapbus] createServiceBus options.maxEventBytes: expected 100 at most over this transport, got 101',
      ),
    );
    expect(close).toHaveBeenCalledOnce();
  });

  it('is what the transport can carry at most', async () => {
    const { transport } = createFakeTransport({ features: { ...FEATURES, maxBytes: 100 } });
    const { publish, subscribe } = createShop({ transport });
    const handler = vi.fn();
    subscribe('order.paid', handler);

    const { error } = await publish('order.paid', { orderId: '1' });

    expect(error).toMatchObject({ ...notSent, code: 'too_large' });
    expect(handler).not.toHaveBeenCalled();
  });
});

describe('a publish that the transport does not take', () => {
  it.each([
    ['rejects', async () => fail(), 'unknown'],
    ['throws at once', fail, 'unknown'],
    ['has certainly not sent', async () => Promise.reject(Object.assign(new Error('no'), notSent)), 'not-sent'],
    ['rejects with what is no error', () => Promise.reject('no'), 'unknown'],
  ])('resolves with an error where it %s, after local handlers were called', async (_, publish, outcome) => {
    const { transport } = createFakeTransport({ publish });
    const shop = createShop({ transport });
    const handler = vi.fn();
    shop.subscribe('order.paid', handler);

    const { id, error, handlerCount } = await shop.publish('order.paid', { orderId: '1' });

    expect(handlerCount).toBe(1);
    expect(handler).toHaveBeenCalledOnce();
    expect(error).toMatchObject({
      code: 'transport_unavailable',
      outcome,
      message: expect.stringContaining('The transport has not taken the event: no'),
    });
    expect(shop.logged('event_publish_failed')).toEqual([
      {
        level: 'error',
        message: 'event_publish_failed',
        fields: { eventName: 'order.paid', eventId: id, error },
      },
    ]);
  });

  it('waits for its answer until publishTimeoutMs is over, and tells the transport so', async () => {
    const given = createGate<AbortSignal>();
    const { transport } = createFakeTransport({
      publish: (_, { signal }) => {
        given.open(signal);
        return hang();
      },
    });
    const { publish } = createShop({ transport, publishTimeoutMs: 20 });

    const { error } = await publish('order.paid', { orderId: '1' });

    expect(error).toMatchObject({ code: 'publish_timeout', outcome: 'unknown' });
    expect((await given.promise).aborted).toBe(true);
  });

  it('is refused before local handlers when maxPendingPublishes wait already', async () => {
    const gate = createGate();
    const { transport } = createFakeTransport({
      publish: async () => {
        await gate.promise;
        return {};
      },
    });
    const { publish, subscribe } = createShop({ transport, maxPendingPublishes: 2 });
    const handler = vi.fn();
    subscribe('order.paid', handler);

    const pending = [publish('order.paid', { orderId: '1' }), publish('order.paid', { orderId: '2' })];
    const { error } = await publish('order.paid', { orderId: '3' });
    gate.open();

    expect(error).toMatchObject({ ...notSent, code: 'transport_unavailable' });
    expect(handler).toHaveBeenCalledTimes(2);
    expect((await Promise.all(pending)).map((result) => result.error)).toEqual([undefined, undefined]);
    expect((await publish('order.paid', { orderId: '3' })).error).toBeUndefined();
  });

  it('has a name that the transport refuses', async () => {
    const refuseName = (name: string) => (name === 'ticked' ? 'expected a name without ticks' : undefined);
    const { transport } = createFakeTransport({ refuseName });
    const { publish, subscribe, consume } = createShop({ transport });
    const handler = vi.fn();
    subscribe('ticked', handler);

    const { error } = await publish('ticked');

    expect(error).toMatchObject({ ...notSent, code: 'invalid_name' });
    expect(handler).not.toHaveBeenCalled();
    expect(() => consume('ticked', 'mail', () => {})).toThrow('event name: expected a name without ticks');
  });

  it('has a key that is none', async () => {
    const { transport, published } = createFakeTransport();
    const { publish } = createShop({
      transport,
      keys: { 'order.paid': () => 7 as never, 'order.placed': fail },
    });

    const wrong = await publish('order.paid', { orderId: '1' });
    const thrown = await publish('order.placed', { orderId: '1' });

    expect(wrong.error).toMatchObject({
      ...notSent,
      code: 'invalid_options',
      message: expect.stringContaining('The key of order.paid: expected string, got 7'),
    });
    expect(thrown.error).toMatchObject({ ...notSent, code: 'invalid_options' });
    expect(published).toEqual([]);
  });

  it('has a promise for a key, and its rejection ends no process', async () => {
    const unhandled = recordUnhandled();
    const { publish } = createShop({ keys: { 'order.paid': (async () => fail()) as never } });

    const { error } = await publish('order.paid', { orderId: '1' });
    await laterTurns();

    expect(error).toMatchObject({ ...notSent, code: 'invalid_options' });
    expect(unhandled).toEqual([]);
  });
});

describe('without options, a publish', () => {
  it('may have 262,144 bytes', async () => {
    const { transport, published } = createFakeTransport();
    const { publish } = createShop({ transport });
    const given = { id: 'event-1' };
    await publish('order.paid', { orderId: '' }, given);
    const room = 262_144 - Buffer.byteLength(published[0]?.body ?? '');

    const largest = await publish('order.paid', { orderId: 'x'.repeat(room) }, given);
    const tooLarge = await publish('order.paid', { orderId: 'x'.repeat(room + 1) }, given);

    expect(largest.error).toBeUndefined();
    expect(tooLarge.error?.code).toBe('too_large');
  });

  it('waits for its transport for ten seconds, and with 10,000 others at most', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const { transport } = createFakeTransport({ publish: hang });
    const { publish } = createShop({ transport });

    const pending = Array.from({ length: 10_000 }, () => publish('ticked'));
    expect((await publish('ticked')).error).toMatchObject({ ...notSent, code: 'transport_unavailable' });
    let settled = 0;
    for (const one of pending) void one.then(() => settled++);
    await vi.advanceTimersByTimeAsync(9_999);
    expect(settled).toBe(0);
    await vi.advanceTimersByTimeAsync(200);

    expect(settled).toBe(10_000);
    expect((await pending[0])?.error?.code).toBe('publish_timeout');
  });
});

describe('memory() where there is no AsyncLocalStorage and no setImmediate, as in browsers,', () => {
  it('delivers in a later turn too', async () => {
    vi.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined as never);
    vi.stubGlobal('setImmediate', undefined);
    const { consume, ready, publish, idle } = createShop({ transport: memory() });
    const seen: string[] = [];
    consume('order.paid', 'mail', ({ orderId }) => void seen.push(orderId));
    await ready();

    await publish('order.paid', { orderId: '1' });
    expect(seen).toEqual([]);
    await idle();
    vi.unstubAllGlobals();

    expect(seen).toEqual(['1']);
  });
});

describe('concurrency', () => {
  it.each([
    ['of a consumer', { consumers: { concurrency: 2 } }, 4],
    ['of the process', { concurrency: 3 }, 3],
  ])('%s limits how many events are handled at once', async (_, options, expected) => {
    const { consume, ready, publish, idle } = createShop({ transport: memory(), ...options });
    let running = 0;
    let most = 0;
    const handler = async () => {
      running++;
      most = Math.max(most, running);
      await laterTurns(2);
      running--;
    };
    consume('order.paid', 'mail', handler);
    consume('order.paid', 'ledger', handler);
    await ready();

    for (let n = 0; n < 20; n++) void publish('order.paid', { orderId: String(n) });
    await idle();

    expect(most).toBe(expected);
  });
});
