import {
  type Bus,
  type ClauseTools,
  clause,
  DEAD,
  DONE,
  dataOf,
  messageOf,
  publishAll,
  range,
  receive,
  retryOf,
  send,
  specOf,
} from './clause.ts';
import type { Collector } from './collect.ts';
import { distinct, expectEqual } from './expect.ts';

/** Payloads are a key and a number, such as `a7`. */
const keyOf = (payload: unknown) => String(payload).charAt(0);

const byKey = { order: 'key' } as const;

const joinWriter = (tools: ClauseTools, names: readonly string[]): Bus =>
  tools.join('writer', { keys: Object.fromEntries(names.map((name) => [name, keyOf])) });

const payloadsOf = (keys: readonly string[], count: number): string[] =>
  range(count).flatMap((number) => keys.map((key) => `${key}${number}`));

/** Expects that the payloads of each key came in order. Those that came again are left out. */
const expectOrder = (came: readonly string[], payloads: readonly string[]): void => {
  for (const key of distinct(payloads.map(keyOf))) {
    const ofKey = (list: readonly string[]) => distinct(list).filter((payload) => keyOf(payload) === key);
    expectEqual(`events of the key ${key}`, ofKey(came), ofKey(payloads));
  }
};

const untilAll = (seen: Collector<string>, payloads: readonly string[]) =>
  seen.until(`${payloads.length} events`, (items) => distinct(items).length === payloads.length);

const inOrder = clause('events of a key come in the order of their publishes', ['ordersByKey'], async (tools) => {
  const name = tools.unique('order.placed');
  const seen = tools.collect<string>();
  const reader = tools.join('reader');
  reader.consume(name, 'read', (payload) => seen.add(String(payload)), byKey);
  await reader.ready();
  const writer = joinWriter(tools, [name]);
  const payloads = payloadsOf(['a', 'b', 'c'], 15);

  // Not one after another: a publish that the transport must try again would come too late.
  await Promise.all(payloads.map((payload) => writer.publish(name, payload)));

  await untilAll(seen, payloads);
  expectOrder(seen.items, payloads);
});

const oneAtATime = clause(
  'events of a key are handled one at a time by all processes',
  ['ordersByKey'],
  async (tools) => {
    const name = tools.unique('order.placed');
    const seen = tools.collect<string>();
    const gate = tools.createGate();
    const handle = async (payload: unknown) => {
      seen.add(String(payload));
      if (payload === 'a0') await gate.opened;
    };
    const buses = [tools.join('reader'), tools.join('reader')];
    for (const bus of buses) {
      bus.consume(name, 'read', handle, byKey);
      await bus.ready();
    }
    const writer = joinWriter(tools, [name]);
    const payloads = ['a0', 'b0', 'c0', 'a1', 'b1', 'c1', 'a2', 'b2', 'c2'];
    for (const payload of payloads) await writer.publish(name, payload);

    await seen.until('the start of the first event', (items) => items.includes('a0'));
    await tools.quiet();
    const early = seen.items.filter((payload) => keyOf(payload) === 'a' && payload !== 'a0');
    expectEqual('events of a key that one is handled of', early, []);
    gate.open();
    await untilAll(seen, payloads);
    expectOrder(seen.items, payloads);
  },
);

const retryHoldsKey = clause('a retry holds its key back', ['ordersByKey', 'maxDelayMs'], async (tools) => {
  const name = tools.unique('order.placed');
  const seen = tools.collect<string>();
  const reader = tools.join('reader');
  const failures: unknown[] = [];
  const handle = (payload: unknown) => {
    if (String(payload).endsWith('0') && failures.push(payload) <= 4) throw new Error('not yet');
    seen.add(String(payload));
  };
  reader.consume(name, 'read', handle, { ...byKey, retryDelayMs: 10 });
  await reader.ready();
  const writer = joinWriter(tools, [name]);
  const payloads = payloadsOf(['a', 'b'], 5);

  for (const payload of payloads) await writer.publish(name, payload);

  await untilAll(seen, payloads);
  expectOrder(seen.items, payloads);
});

const otherKeys = clause('a key that waits holds no other key back', ['ordersByKey', 'maxDelayMs'], async (tools) => {
  const connection = tools.connect('reader');
  const name = tools.unique('order.placed');
  const afterMs = Math.min(10 * tools.timeoutMs, connection.features.maxDelayMs);
  const seen = tools.collect<unknown>();
  await receive(connection, specOf('read', name, byKey), async (delivery) => {
    const data = dataOf(delivery);
    seen.add(data);
    return data === 'a0' ? retryOf(delivery.attempt + 1, afterMs) : DONE;
  });
  const writer = tools.connect('writer');

  await send(writer, messageOf(name, 'a0', { key: 'a' }));
  await seen.until('the failure', (items) => items.includes('a0'));
  for (const key of ['b', 'c', 'd']) await send(writer, messageOf(name, `${key}0`, { key }));

  await seen.until('the other keys', (items) => ['b0', 'c0', 'd0'].every((data) => items.includes(data)));
});

const deadFreesKey = clause(
  'a dead letter makes room for the next event of its key',
  ['ordersByKey'],
  async (tools) => {
    const name = tools.unique('order.placed');
    const seen = tools.collect<unknown>();
    await receive(tools.connect('reader'), specOf('read', name, byKey), async (delivery) => {
      const data = dataOf(delivery);
      seen.add(data);
      return data === 'a0' ? DEAD : DONE;
    });
    const writer = tools.connect('writer');

    for (const data of ['a0', 'a1']) await send(writer, messageOf(name, data, { key: 'a' }));

    await seen.until('the next event', (items) => items.includes('a1'));
  },
);

const retryByKeySurvives = clause(
  'with an order, a retry comes also if its process has closed meanwhile',
  ['ordersByKey', 'maxDelayMs'],
  async (tools) => {
    const name = tools.unique('order.placed');
    const spec = specOf('read', name, byKey);
    const seen = tools.collect<unknown>();
    const failed = tools.collect<unknown>();
    const first = tools.connect('reader');
    const receiving = await receive(first, spec, async (delivery) => {
      failed.add(dataOf(delivery));
      return retryOf(delivery.attempt + 1, 100);
    });
    // A process of the service stays, without the consumer.
    tools.connect('reader');
    const writer = tools.connect('writer');
    await send(writer, messageOf(name, 'a0', { key: 'a' }));
    await failed.until('the failure', (items) => items.includes('a0'));

    await receiving.stop();
    await first.close();
    await receive(tools.connect('reader'), spec, async (delivery) => {
      seen.add(dataOf(delivery));
      return DONE;
    });

    await send(writer, messageOf(name, 'a1', { key: 'a' }));

    await seen.until('both events', (items) => distinct(items).length === 2);
    expectEqual('the events', distinct(seen.items), ['a0', 'a1']);
  },
);

const withoutKey = clause('a consumer with an order gets events without a key too', ['ordersByKey'], async (tools) => {
  const name = tools.unique('order.placed');
  const seen = tools.collect<unknown>();
  const gate = tools.createGate();
  const reader = tools.join('reader');
  const handle = async (payload: unknown) => {
    seen.add(payload);
    await gate.opened;
  };
  reader.consume(name, 'read', handle, { ...byKey, concurrency: 10 });
  await reader.ready();

  await publishAll(tools.join('writer'), name, range(5));

  // They have no order, so that one does not wait for another.
  await seen.until('five events at once', (items) => distinct(items).length === 5);
});

const acrossNames = clause(
  'events of a key keep their order across names',
  ['ordersByKey', 'ordersAcrossNames'],
  async (tools) => {
    const [placed, paid] = [tools.unique('order.placed'), tools.unique('order.paid')];
    const seen = tools.collect<string>();
    const reader = tools.join('reader');
    const handle = async ({ payload }: { readonly payload: unknown }) => {
      // Gives the next event the time to overtake.
      await new Promise((resolve) => setTimeout(resolve, String(payload).endsWith('0') ? 20 : 0));
      seen.add(String(payload));
    };
    reader.consume([placed, paid], 'read', handle, byKey);
    await reader.ready();
    const writer = joinWriter(tools, [placed, paid]);
    const payloads = payloadsOf(['a', 'b'], 6);

    // Two of each name by turns.
    for (const [index, payload] of payloads.entries()) await writer.publish(index % 4 < 2 ? placed : paid, payload);

    await untilAll(seen, payloads);
    expectOrder(seen.items, payloads);
  },
);

/** What `order: 'key'` promises. */
export const order = [
  inOrder,
  oneAtATime,
  retryHoldsKey,
  otherKeys,
  deadFreesKey,
  retryByKeySurvives,
  withoutKey,
  acrossNames,
];
