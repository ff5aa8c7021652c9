import type { StoredDeadLetter } from '../../transport/index.ts';
import {
  type Bus,
  type ClauseTools,
  clause,
  DONE,
  dataOf,
  lettersOf,
  messageOf,
  publishAll,
  range,
  receive,
  send,
  specOf,
  textOf,
} from './clause.ts';
import { distinct, expectEqual } from './expect.ts';

/** A consumer that takes one event at a time: what blocks it blocks what comes next. */
const joinReader = async (tools: ClauseTools, name: string) => {
  const seen = tools.collect<unknown>();
  const bus: Bus = tools.join('reader', { maxEventBytes: 50_000 });
  bus.consume(name, 'read', (payload, context) => seen.add({ payload, context }), { concurrency: 1 });
  await bus.ready();
  return seen;
};

type Seen = Awaited<ReturnType<typeof joinReader>>;

const untilNext = async (tools: ClauseTools, name: string, seen: Seen) => {
  const last = crypto.randomUUID();
  await publishAll(tools.join('writer'), name, [...range(5), last]);
  const payloads = () => seen.items.map((item) => (item as { readonly payload: unknown }).payload);
  await seen.until(
    'the events behind it',
    () => payloads().includes(last) && range(5).every((n) => payloads().includes(n)),
  );
};

/** Publishes a body that is no event, and expects that it becomes a dead letter and that the next events go on. */
const expectDead = async (tools: ClauseTools, bodies: readonly string[], reason: string): Promise<void> => {
  const name = tools.unique('order.placed');
  const seen = await joinReader(tools, name);
  const writer = tools.connect('writer');
  for (const body of bodies) await send(writer, { ...messageOf(name, 1), body });

  await untilNext(tools, name, seen);

  const connection = tools.connect('reader');
  if (!connection.features.keepsDeadLetters) return;
  const letters = await tools.eventually(`${bodies.length} dead letters`, async () => {
    const found = await lettersOf(connection);
    return distinct(found.map(({ body }) => textOf(body))).length === bodies.length ? found : undefined;
  });
  const reasonOf = ({ reason }: StoredDeadLetter) => reason;
  expectEqual('the reasons', distinct(letters.map(reasonOf)), [reason]);
};

const noJson = clause('what is no JSON becomes a dead letter, and the next events go on', [], (tools) =>
  expectDead(tools, ['not json', '{', '\u0001', 'null,'], 'undecodable'),
);

const noEvent = clause('what is no CloudEvent becomes a dead letter, and the next events go on', [], (tools) => {
  const withoutType = '{"specversion":"1.0","id":"1","source":"/x"}';
  const wrongId = '{"specversion":"1.0","id":1,"source":"/x","type":"x"}';
  return expectDead(tools, ['null', '[]', '{}', '"text"', '1', withoutType, wrongId], 'not_cloudevent');
});

const tooLarge = clause('what is too large becomes a dead letter, and the next events go on', [], (tools) =>
  expectDead(tools, [messageOf('large', 'x'.repeat(60_000)).body], 'too_large'),
);

const strange = clause('strange events arrive, and the next ones go on', [], async (tools) => {
  const name = tools.unique('order.placed');
  const seen = await joinReader(tools, name);
  const writer = tools.connect('writer');
  const start = `{"specversion":"1.0","source":"/x","type":${JSON.stringify(name)}`;
  const deep = `${'['.repeat(5_000)}${']'.repeat(5_000)}`;
  const bodies = [
    `${start},"id":"deep","data":${deep}}`,
    `${start},"id":"proto","data":{"__proto__":{"polluted":true},"constructor":1}}`,
    `${start},"id":"bytes","data_base64":"AAEC/w=="}`,
    `${start},"id":"no time","data":1}`,
    `${start},"id":"no data"}`,
    `${start},"id":"extensions","data":1,"metadata":"{","attempt":99,"comexampleother":null}`,
  ];
  for (const body of bodies) await send(writer, { ...messageOf(name, 1), body });

  await untilNext(tools, name, seen);

  const ids = () => seen.items.map((item) => (item as { readonly context: { readonly id: string } }).context.id);
  const wanted = ['deep', 'proto', 'bytes', 'no time', 'no data', 'extensions'];
  await seen.until('the strange events', () => wanted.every((id) => ids().includes(id)));
  const bytes = seen.items.find((_, index) => ids()[index] === 'bytes') as { readonly payload: Uint8Array };
  expectEqual('the bytes', Array.from(bytes.payload), [0, 1, 2, 255]);
});

const largest = clause(
  'an event of the largest size is retried and given up like any other',
  ['maxDelayMs'],
  async (tools) => {
    const spec = specOf('read', tools.unique('order.placed'), { concurrency: 1 });
    const [name = ''] = spec.names;
    const seen = tools.collect<string>();
    const connection = tools.connect('reader');
    const { maxBytes = 500_000, keepsDeadLetters } = connection.features;
    const error = { name: 'RangeError', message: '漢'.repeat(2_000) };
    await receive(connection, spec, async (delivery) => {
      const { attempt } = delivery;
      const isLarge = String(dataOf(delivery)).length > 100;
      seen.add(`${isLarge ? 'large' : 'small'} ${attempt}`);
      if (!isLarge) return DONE;
      if (attempt < 2) return { is: 'retry', attempt: 2, afterMs: 1, error };
      return { is: 'dead', reason: 'handler_failed', attempt, error };
    });
    const writer = tools.connect('writer');
    const empty = messageOf(name, '');
    const room = maxBytes - empty.body.length;
    // Three bytes each.
    const text = '漢'.repeat(Math.floor(room / 3));

    await send(writer, { ...empty, body: empty.body.replace('"data":""', `"data":"${text}"`) });
    await seen.until('the second attempt', (items) => items.includes('large 2'));
    await send(writer, messageOf(name, 'next'));

    await seen.until('the next event', (items) => items.includes('small 1'));
    if (!keepsDeadLetters) return;
    const letter = await tools.eventually('the dead letter', async () => (await lettersOf(connection))[0]);
    expectEqual('the reason', letter.reason, 'handler_failed');
  },
);

const OFTEN_USED = ['mapbus-attempt', 'mapbus-not-before', 'mapbus-handler', 'mapbus-deliveries', 'x-death'];
const ABSURD = ['-1000000000', '99', '1e99', 'NaN', '', '__proto__', '4102444800000'];

const ownHeaders = clause('the headers of a publisher do not steer a transport', [], async (tools) => {
  const name = tools.unique('order.placed');
  const seen = tools.collect<readonly [string, number]>();
  const reader = tools.join('reader');
  reader.consume(name, 'read', (_, { id, attempt }) => seen.add([id, attempt]));
  await reader.ready();
  const writer = tools.connect('writer');
  const headerNames = [...OFTEN_USED, ...(tools.setup.ownHeaders ?? [])];
  const messages = ABSURD.map((value) => {
    const headers = Object.fromEntries(headerNames.map((header) => [header, value]));
    return messageOf(name, 1, { headers });
  });
  for (const message of messages) await send(writer, message);

  await seen.until('the events', (items) => messages.every((message) => items.some(([id]) => id === message.id)));
  expectEqual('attempts', distinct(seen.items.map(([, attempt]) => attempt)), [1]);
});

const foreign = clause('the messages of a foreign producer block nothing', [], async (tools) => {
  const { publishForeign } = tools.setup;
  if (!publishForeign) return;
  const name = tools.unique('order.placed');
  const seen = await joinReader(tools, name);
  const good = new TextEncoder().encode(messageOf(name, 'foreign').body);

  await publishForeign(name, Uint8Array.of(0xff, 0xfe, 0x00), {});
  await publishForeign(name, new Uint8Array(), { empty: '' });
  await publishForeign(name, good, {
    nothing: null,
    ...Object.fromEntries(OFTEN_USED.map((header) => [header, null])),
  });

  await untilNext(tools, name, seen);
  const isGood = (item: unknown) => (item as { readonly payload: unknown }).payload === 'foreign';
  await seen.until('the foreign event', (items) => items.some(isGood));
});

/** What arrives is not trusted. */
export const hostile = [noJson, noEvent, tooLarge, largest, strange, ownHeaders, foreign];
