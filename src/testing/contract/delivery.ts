import { clause, DONE, messageOf, publishAll, range, receive, send, specOf, textOf } from './clause.ts';
import { distinct, expectEqual } from './expect.ts';

const sorted = (metadata: object) => Object.entries(metadata).sort();

const wholeEvent = clause(
  'an event arrives with its payload, id, source, time, metadata and key',
  [],
  async (tools) => {
    const name = tools.unique('order.placed');
    const seen = tools.collect<unknown>();
    const reader = tools.join('reader');
    reader.consume(name, 'read', (payload, { name: seenName, id, source, occurredAt, metadata, key, attempt }) =>
      seen.add([payload, seenName, id, source, occurredAt, sorted(metadata), key, attempt]),
    );
    await reader.ready();
    const writer = tools.join('writer', { source: '/till/7', keys: { [name]: () => 'ключ' } });
    const occurredAt = new Date('2026-02-03T04:05:06.789Z');
    const payload = { text: 'grüß dich 👋 漢字 \u2028 \u0000', list: [1, null, true, 1.5e300], nested: { empty: {} } };
    const metadata = { trace_id: 'a', Größe: 'ü', tracestate: 'mapbus=1' };

    const { id } = await writer.publish(name, payload, { metadata, occurredAt });

    const [event] = await seen.until('the event', ({ length }) => length > 0);
    expectEqual('the event', event, [payload, name, id, '/till/7', occurredAt, sorted(metadata), 'ключ', 1]);
  },
);

const exactBody = clause('a body arrives byte for byte', [], async (tools) => {
  const name = tools.unique('order.placed');
  const seen = tools.collect<string>();
  const reader = tools.connect('reader');
  await receive(reader, specOf('read', name), async ({ body }) => {
    seen.add(textOf(body));
    return DONE;
  });
  const message = messageOf(name, undefined);
  const body = `${message.body.slice(0, -1)} , "data" :\t{"n":12345678901234567890,"f":1.0,"f":1e2,"\\u0041":"\\/"} }\r\n`;

  await send(tools.connect('writer'), { ...message, body });

  const [seenBody] = await seen.until('the event', ({ length }) => length > 0);
  expectEqual('the body', seenBody, body);
});

const besideTheBody = clause('the key and the headers of an event arrive beside its body', [], async (tools) => {
  const name = tools.unique('order.placed');
  const seen = tools.collect<unknown>();
  const reader = tools.connect('reader');
  await receive(reader, specOf('read', name), async ({ key, headers: { traceparent, tracestate } }) => {
    seen.add([key, traceparent, tracestate]);
    return DONE;
  });
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

  const message = messageOf(name, 1, { key: 'customer 7', headers: { traceparent, tracestate: 'mapbus=1' } });
  await send(tools.connect('writer'), message);

  const [event] = await seen.until('the event', ({ length }) => length > 0);
  expectEqual('key and headers', event, ['customer 7', traceparent, 'mapbus=1']);
});

const toEachConsumer = clause(
  'each consumer of each service gets every event of five publishers',
  [],
  async (tools) => {
    const name = tools.unique('order.placed');
    const seen = tools.collect<string>();
    for (const service of ['mail', 'audit']) {
      const bus = tools.join(service);
      for (const consumer of ['first', 'second'])
        bus.consume(name, consumer, (payload) => seen.add(`${service} ${consumer} ${payload}`));
      await bus.ready();
    }
    const writers = range(5).map((index) => tools.join(`writer${index}`));

    const publishing = writers.map((writer, index) => {
      const payloads = range(30).map((number) => `${index} ${number}`);
      return publishAll(writer, name, payloads);
    });
    await Promise.all(publishing);

    await seen.until('150 events in four consumers', (items) => items.length >= 600 && distinct(items).length === 600);
  },
);

const notEarlier = clause('a consumer does not get what was published before it was in force', [], async (tools) => {
  const name = tools.unique('order.placed');
  const seen = tools.collect<unknown>();
  const writer = tools.join('writer');
  await publishAll(writer, name, ['early']);
  const reader = tools.join('reader');
  reader.consume(name, 'read', (payload) => seen.add(payload));
  await reader.ready();

  await publishAll(writer, name, ['late']);

  await seen.until('the late event', ({ length }) => length > 0);
  await tools.quiet();
  expectEqual('the events', distinct(seen.items), ['late']);
});

const severalNames = clause('a consumer of three event names gets the events of each', [], async (tools) => {
  const names = ['order.placed', 'order.paid', 'order.sent'].map(tools.unique);
  const seen = tools.collect<string>();
  const reader = tools.join('reader');
  reader.consume(names, 'read', ({ name, payload }) => seen.add(`${name} ${payload}`));
  await reader.ready();
  const writer = tools.join('writer');

  for (const name of names) await publishAll(writer, name, [1, 2]);

  await seen.until('two events of each name', (items) => distinct(items).length === 6);
});

const laterTurn = clause('publish does not start consumers before it returns', [], async (tools) => {
  const name = tools.unique('order.placed');
  const seen = tools.collect<string>();
  const bus = tools.join('reader');
  bus.consume(name, 'read', () => seen.add('handled'));
  await bus.ready();

  const publishing = bus.publish(name, 1);
  seen.add('returned');

  await publishing;
  await seen.until('the event', ({ length }) => length > 1);
  expectEqual('what came first', seen.items[0], 'returned');
});

/** What brings an event to its consumers. */
export const delivery = [wholeEvent, exactBody, besideTheBody, toEachConsumer, notEarlier, severalNames, laterTurn];
