import { CloudEvent, HTTP } from 'cloudevents';
import fc from 'fast-check';
import { createEventBus } from 'mapbus';
import { describe, expect, it } from 'vitest';
import { type Delivery, defineTransport, type Message, readOptions } from '../../src/old-seam/seam.ts';

const features = { durable: false, redelivers: false, consumerGroups: false, orderedByKey: false, receivesAll: true };

/** A transport that keeps what is sent, and a way to bring something of one's own. */
const createLoop = () => {
  const sent: Message[] = [];
  let deliver: (delivery: Delivery) => Promise<void> = async () => {};
  const settings = readOptions('loop options', { service: 'loop', retryDelayMs: 1 });
  const transport = defineTransport(
    () => ({
      features,
      send: async (message) => void sent.push(message),
      receive: async (_, given) => {
        deliver = given;
      },
      stop: async () => {},
      close: async () => {},
    }),
    features,
    settings,
  );
  const bus = createEventBus<Record<string, unknown>>({
    transport,
    logger: { debug: () => {}, warn: () => {}, error: () => {} },
  });
  return { bus, sent, bring: (body: Uint8Array) => deliver({ body, headers: {} }) };
};

const text = (body: Uint8Array | undefined) => new TextDecoder().decode(body);

describe('for every payload and metadata', () => {
  const metadata = fc.dictionary(fc.string({ minLength: 1 }), fc.string());
  const events = fc.tuple(
    fc.string({ minLength: 1 }),
    fc.jsonValue(),
    metadata,
    fc.option(fc.string(), { nil: undefined }),
    fc.date({ min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true }),
  );

  it('the envelope is a CloudEvent to the reference implementation, and arrives as it was sent', async () => {
    const { bus, sent, bring } = createLoop();
    const seen: unknown[] = [];
    bus.subscribeAll(({ name, payload }, { id, occurredAt, metadata }) =>
      seen.push([name, payload, id, occurredAt, { ...metadata }]),
    );
    await bus.ready();
    await fc.assert(
      fc.asyncProperty(events, async ([name, payload, given, key, occurredAt]) => {
        const { id, error } = await bus.publish(name, payload, { metadata: given, key, occurredAt });
        expect(error).toBeUndefined();
        const { body } = sent.at(-1) ?? {};
        const headers = { 'content-type': 'application/cloudevents+json' };
        const event = HTTP.toEvent({ headers, body: text(body) }) as CloudEvent<unknown>;
        expect(new CloudEvent(event)).toMatchObject({ id, type: name, source: '/loop', specversion: '1.0' });

        await bring(body ?? new Uint8Array());

        expect(seen.at(-1)).toEqual([name, JSON.parse(JSON.stringify(payload)), id, occurredAt, given]);
      }),
    );
  });
});

describe('what arrives and is no event', () => {
  it.each([
    ['bytes', new Uint8Array([0xff, 0xfe, 0]), 'undecodable'],
    ['text', new TextEncoder().encode('hello'), 'undecodable'],
    ['another JSON', new TextEncoder().encode('[1]'), 'not_cloudevent'],
    [
      'an older CloudEvent',
      new TextEncoder().encode('{"specversion":"0.3","id":"1","source":"/","type":"e"}'),
      'not_cloudevent',
    ],
    ['no type', new TextEncoder().encode('{"specversion":"1.0","id":"1","source":"/"}'), 'not_cloudevent'],
    ['no id', new TextEncoder().encode('{"specversion":"1.0","source":"/","type":"e"}'), 'not_cloudevent'],
    ['no source', new TextEncoder().encode('{"specversion":"1.0","id":"1","type":"e"}'), 'not_cloudevent'],
    [
      'a time that is none',
      new TextEncoder().encode('{"specversion":"1.0","id":"1","source":"/","type":"e","time":"soon"}'),
      'not_cloudevent',
    ],
    ['too many bytes', new Uint8Array(262_145), 'too_large'],
  ])('is a dead letter, byte for byte, for %s', async (_, body, reason) => {
    const { bus, sent, bring } = createLoop();
    let calls = 0;
    bus.subscribeAll(() => calls++);
    await bus.ready();

    await bring(body);

    expect(calls).toBe(0);
    expect(sent).toHaveLength(1);
    expect(sent[0]).toMatchObject({ kind: 'dead', headers: { 'mapbus-reason': reason, 'mapbus-service': 'loop' } });
    expect(sent[0]?.body).toBe(body);
  });

  it('takes an event that another producer has made', async () => {
    const { bus, bring } = createLoop();
    const seen: unknown[] = [];
    bus.subscribe('e', (payload, { id, metadata }) => seen.push([payload, id, metadata]), { name: 'keep' });
    await bus.ready();

    await bring(
      new TextEncoder().encode(
        '{"specversion":"1.0","id":"1","source":"/x","type":"e","data":{"a":1},"traceparent":"t","metadata":7}',
      ),
    );

    expect(seen).toEqual([[{ a: 1 }, '1', { traceparent: 't' }]]);
  });
});
