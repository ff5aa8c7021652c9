import { Buffer } from 'node:buffer';
import type { ConsumerContext } from 'mapbus/service';
import type { Delivery } from 'mapbus/transport';
import { describe, expect, it, vi } from 'vitest';
import { cloudEvent, createDelivery, createFakeTransport, createShop, fail } from './support.ts';

/** A consumer that keeps what it gets. */
const createReader = async (options: Parameters<typeof createShop>[0] = {}) => {
  const { transport, deliver } = createFakeTransport();
  const shop = createShop({ transport, ...options });
  const payloads: unknown[] = [];
  const contexts: ConsumerContext[] = [];
  shop.consume('order.placed', 'reader', (payload, context) => {
    payloads.push(payload);
    contexts.push(context);
  });
  await shop.ready();
  return { ...shop, payloads, contexts, read: (fields: Partial<Delivery>) => deliver(createDelivery(fields)) };
};

const encode = (text: string) => new TextEncoder().encode(text);

describe('what arrives and is no event', () => {
  it.each([
    ['no JSON', '{', 'undecodable', 'The body is not JSON'],
    ['no UTF-8', new Uint8Array([0x22, 0xff, 0x22]), 'undecodable', 'The body is not JSON'],
    ['nothing', '', 'undecodable', 'The body is not JSON'],
    ['JSON of 100,000 levels', '['.repeat(100_000), 'undecodable', 'The body is not JSON'],
    ['a list', '[]', 'not_cloudevent', 'The body is not a JSON object'],
    ['null', 'null', 'not_cloudevent', 'The body is not a JSON object'],
    ['text', '"text"', 'not_cloudevent', 'The body is not a JSON object'],
    ['of another version', cloudEvent({ specversion: '0.3' }), 'not_cloudevent', 'specversion is not 1.0'],
    ['without a type', cloudEvent({ type: undefined }), 'not_cloudevent', 'type is missing'],
    ['without an id', cloudEvent({ id: '' }), 'not_cloudevent', 'id is missing'],
    ['with an id that is a number', cloudEvent({ id: 7 }), 'not_cloudevent', 'id is missing'],
    ['without a source', cloudEvent({ source: '' }), 'not_cloudevent', 'source is missing'],
    ['with a time that is none', cloudEvent({ time: 'noon' }), 'not_cloudevent', 'time is no timestamp'],
    ['with bytes that are none', cloudEvent({ data_base64: '*' }), 'not_cloudevent', 'data_base64 is not base64'],
  ])('becomes a dead letter at once: %s', async (_, body, reason, message) => {
    const { read, payloads, logged } = await createReader();

    const outcome = await read({ body, attempt: 2 });

    expect(outcome).toMatchObject({
      is: 'dead',
      reason,
      attempt: 2,
      error: { name: 'Error', message: expect.stringContaining(message) },
    });
    expect(payloads).toEqual([]);
    const fields = { eventName: undefined, eventId: undefined, consumer: 'reader', attempt: 2, reason };
    expect(logged('event_dead_lettered')).toMatchObject([{ level: 'error', fields }]);
  });

  it('becomes a dead letter when it is too large, counted in bytes, before it is parsed', async () => {
    const body = cloudEvent({ data: { orderId: 'ü'.repeat(100) } });
    const bytes = Buffer.byteLength(body);
    expect(body.length).toBeLessThan(bytes);
    const { read, payloads } = await createReader({ maxEventBytes: bytes });
    const smaller = await createReader({ maxEventBytes: bytes - 1 });
    const parse = vi.spyOn(JSON, 'parse');

    const tooLarge = { is: 'dead', reason: 'too_large', attempt: 1 };
    const message = `${bytes} bytes, and maxEventBytes is ${bytes - 1}`;
    expect(await smaller.read({ body })).toMatchObject({ ...tooLarge, error: { message } });
    expect(await smaller.read({ body: encode(body) })).toMatchObject({ ...tooLarge, error: { message } });
    expect(parse).not.toHaveBeenCalled();
    expect(await read({ body })).toEqual({ is: 'done' });
    expect(await read({ body: encode(body) })).toEqual({ is: 'done' });

    expect(payloads).toHaveLength(2);
  });
});

describe('what arrives from a foreign producer', () => {
  it.each([
    ['a bare event', { data: undefined }],
    ['extensions that nobody knows', { comexampleextension: { deep: [1] } }],
    ['a key that is none', { partitionkey: 7 }],
    ['metadata that is none', { metadata: { a: 'b' } }],
    ['metadata that is no JSON', { metadata: '{' }],
    ['metadata with numbers', { metadata: '{"n":1}' }],
    ['metadata that is a list', { metadata: '["a"]' }],
    ['a traceparent that is none', { traceparent: 7, tracestate: [] }],
  ])('is handled, without what means something else there: %s', async (_, attributes) => {
    const { read, contexts } = await createReader();

    expect(await read({ body: cloudEvent(attributes) })).toEqual({ is: 'done' });

    expect(contexts.map(({ key, metadata }) => ({ key, metadata: { ...metadata } }))).toEqual([
      { key: undefined, metadata: {} },
    ]);
  });

  it('gets the present time if it has none', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1_000_000 });
    const { read, contexts } = await createReader();

    await read({ body: cloudEvent({ time: undefined }) });
    await read({ body: cloudEvent({ time: '1970-01-01T00:00:00.5Z' }) });
    vi.useRealTimers();

    expect(contexts.map(({ occurredAt }) => occurredAt.getTime())).toEqual([1_000_000, 500]);
  });

  it('gives data_base64 as bytes', async () => {
    const { read, payloads } = await createReader();

    await read({ body: cloudEvent({ data: undefined, data_base64: 'AP8=' }) });

    expect(payloads).toEqual([new Uint8Array([0, 255])]);
  });

  it('changes no prototype by __proto__', async () => {
    const { read, payloads, contexts } = await createReader();
    const proto = '{"__proto__":{"polluted":"yes"}}';
    const body = cloudEvent().replace('{"orderId":"1"}', proto).replace('{', '{"__proto__":{"id":"polluted"},');

    await read({ body });
    await read({ body: cloudEvent({ metadata: '{"__proto__":"polluted","a":"b"}' }) });

    expect(JSON.stringify(payloads[0])).toBe(proto);
    expect(Object.getPrototypeOf(payloads[0])).toBe(Object.prototype);
    expect(contexts[0]?.id).toBe('event-1');
    expect(contexts[1]?.metadata.a).toBe('b');
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
  });

  it('may be deep: a failed attempt of it is retried and logged as any other', async () => {
    const levels = 50_000;
    const data = `${'['.repeat(levels)}${']'.repeat(levels)}`;
    const body = cloudEvent().replace('{"orderId":"1"}', data);
    const { read, payloads } = await createReader();
    const { transport, deliver } = createFakeTransport();
    const failing = createShop({ transport, onFailure: () => {} });
    failing.consume(['order.placed'], 'mail', fail);
    await failing.ready();

    expect(await read({ body })).toEqual({ is: 'done' });
    expect(await deliver(createDelivery({ body }))).toMatchObject({ is: 'retry', attempt: 2 });

    expect(Array.isArray(payloads[0])).toBe(true);
    expect(failing.logged('event_handler_failed')).toHaveLength(1);
  });

  it('is not steered by its headers', async () => {
    const { read, contexts } = await createReader();
    const headers = { attempt: '12', 'x-attempt': '12', traceparent: '00-header', key: 'k' };

    expect(await read({ headers })).toEqual({ is: 'done' });

    expect(contexts).toMatchObject([{ attempt: 1, key: undefined }]);
    expect(contexts[0]?.metadata).not.toHaveProperty('traceparent');
  });

  it.each([Number.NaN, -1, 0, 1.5, Number.POSITIVE_INFINITY])(
    'counts an attempt of %s as the first',
    async (attempt) => {
      const { read, contexts } = await createReader();

      await read({ attempt });

      expect(contexts.map((context) => context.attempt)).toEqual([1]);
    },
  );

  it('is given up after one more failure when its attempt is absurd', async () => {
    const { transport, deliver } = createFakeTransport();
    const { consume, ready } = createShop({ transport });
    consume('order.placed', 'mail', () => Promise.reject(new Error('no')));
    await ready();

    const outcome = await deliver(createDelivery({ attempt: Number.MAX_SAFE_INTEGER }));

    expect(outcome).toMatchObject({ is: 'dead', reason: 'handler_failed', attempt: Number.MAX_SAFE_INTEGER });
  });
});

describe('an event in binary mode', () => {
  const attributes = { specversion: '1.0', id: 'binary', source: '/elsewhere', type: 'order.placed' };

  it('has its attributes beside its body', async () => {
    const { read, payloads, contexts } = await createReader();
    const given = { ...attributes, time: '1970-01-01T00:00:00Z', partitionkey: 'k', traceparent: '00-a' };

    expect(await read({ body: encode('{"orderId":"1"}'), attributes: given })).toEqual({ is: 'done' });

    expect(payloads).toEqual([{ orderId: '1' }]);
    expect(contexts).toMatchObject([{ id: 'binary', key: 'k', occurredAt: new Date(0) }]);
    expect(contexts[0]?.metadata.traceparent).toBe('00-a');
  });

  it.each([
    ['JSON', { 'content-type': 'application/json; charset=utf-8' }, '[1]', [1]],
    ['JSON of a kind', { datacontenttype: 'application/cloud+json' }, '[1]', [1]],
    ['text', { datacontenttype: 'text/plain' }, 'hello', 'hello'],
    ['bytes', { datacontenttype: 'application/octet-stream' }, '\u0000', new Uint8Array([0])],
    ['nothing', {}, '', undefined],
  ])('gives %s by its content type', async (_, more, body, payload) => {
    const { read, payloads } = await createReader();

    await read({ body: encode(body), attributes: { ...attributes, ...more } });

    expect(payloads).toEqual([payload]);
  });

  it('becomes a dead letter if its body is not what its content type says', async () => {
    const { read } = await createReader();

    expect(await read({ body: encode('{'), attributes })).toMatchObject({ is: 'dead', reason: 'undecodable' });
    expect(await read({ body: '{}', attributes: {} })).toMatchObject({ is: 'dead', reason: 'not_cloudevent' });
  });
});

describe('the metadata of a consumer', () => {
  it.each([
    ['an event with metadata', cloudEvent({ metadata: '{"trace_id":"a"}' }), 'a'],
    ['an event without', cloudEvent(), undefined],
  ])('of %s has no members that nobody has written', async (_, body, traceId) => {
    const { read, contexts } = await createReader();

    await read({ body });

    const metadata = contexts[0]?.metadata;
    expect(metadata?.trace_id).toBe(traceId);
    expect(metadata?.constructor).toBeUndefined();
    expect(metadata?.toString).toBeUndefined();
    expect(Object.isFrozen(metadata)).toBe(true);
  });

  it('has the traceparent and the tracestate of the event', async () => {
    const { read, contexts } = await createReader();

    await read({ body: cloudEvent({ traceparent: '00-a', tracestate: 'b=c' }) });
    await read({ body: cloudEvent({ traceparent: '00-a', metadata: '{"traceparent":"00-own"}' }) });

    expect(contexts.map(({ metadata }) => ({ ...metadata }))).toEqual([
      { traceparent: '00-a', tracestate: 'b=c' },
      { traceparent: '00-own' },
    ]);
  });
});

describe('an event that was delivered again and again without an outcome', () => {
  it('becomes a dead letter after 20 times', async () => {
    const { read, payloads } = await createReader();

    expect(await read({ deliveries: 20 })).toEqual({ is: 'done' });
    expect(await read({ deliveries: 21, attempt: 2 })).toMatchObject({
      is: 'dead',
      reason: 'delivery_limit',
      attempt: 2,
      error: { message: expect.stringContaining('Delivered 21 times') },
    });
    expect(await read({ deliveries: undefined })).toEqual({ is: 'done' });

    expect(payloads).toHaveLength(2);
  });
});
