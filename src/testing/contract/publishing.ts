import { acknowledge, clause, messageOf, publishAll, receive, send, specOf } from './clause.ts';
import { distinct, expectEqual } from './expect.ts';

const nobody = clause('an event that nobody consumes is no error', [], async (tools) => {
  const { error, failures } = await tools.join('writer').publish(tools.unique('unheard'), 1);
  expectEqual('what publish tells', [error?.message, failures], [undefined, []]);
});

const unrouted = clause('publish tells that no consumer gets the event', ['tellsUnrouted'], async (tools) => {
  const told = await send(tools.connect('writer'), messageOf(tools.unique('unheard'), 1));
  expectEqual('unrouted', told.unrouted, true);
});

const routed = clause('publish tells of no consumer only if there is none', ['tellsUnrouted'], async (tools) => {
  const name = tools.unique('order.placed');
  const reader = tools.connect('reader');
  await reader.declare([specOf('read', name)]);
  const writer = tools.connect('writer');

  const beforeItRuns = await send(writer, messageOf(name, 1));
  await receive(reader, specOf('read', name), acknowledge);
  const whileItRuns = await send(writer, messageOf(name, 2));
  await reader.close();
  const afterClose = await send(writer, messageOf(name, 3));

  const told = [beforeItRuns, whileItRuns, afterClose].map(({ unrouted }) => unrouted === true);
  expectEqual('unrouted', told, [false, false, false]);
});

const inHandler = clause(
  'a handler can publish, also to its own consumer with a concurrency of 1',
  [],
  async (tools) => {
    const name = tools.unique('counted');
    const seen = tools.collect<unknown>();
    const bus = tools.join('counter');
    const handle = async (payload: unknown) => {
      const count = Number(payload);
      if (count < 5) await publishAll(bus, name, [count + 1]);
      seen.add(count);
    };
    bus.consume(name, 'count', handle, { concurrency: 1 });
    await bus.ready();

    await publishAll(bus, name, [1]);

    await seen.until('five events', (items) => distinct(items).length === 5);
  },
);

const sentAgain = clause('an event can be published again with its id', [], async (tools) => {
  const name = tools.unique('order.placed');
  const seen = tools.collect<string>();
  const reader = tools.join('reader');
  reader.consume(name, 'read', (_, { id }) => seen.add(id));
  await reader.ready();
  const writer = tools.join('writer');

  const results = [await writer.publish(name, 1, { id: 'o-1' }), await writer.publish(name, 1, { id: 'o-1' })];

  const errors = results.flatMap(({ error }) => (error ? [error.message] : []));
  expectEqual('errors of publishes', errors, []);
  await seen.until('the event', (items) => items.includes('o-1'));
});

const twoSources = clause('events of two sources are two events, also with one id', [], async (tools) => {
  const name = tools.unique('order.placed');
  const seen = tools.collect<string>();
  const reader = tools.join('reader');
  reader.consume(name, 'read', (_, { source }) => seen.add(source));
  await reader.ready();
  const sources = ['/till/1', '/till/2'];

  for (const source of sources) await tools.join('writer', { source }).publish(name, 1, { id: 'o-1' });

  await seen.until('both events', (items) => distinct(items).length === 2);
});

const features = clause('a transport has what its features say', [], async (tools) => {
  const connection = tools.connect('reader');
  const { tails, keepsDeadLetters, maxDelayMs } = connection.features;
  const said = { tails, keepsDeadLetters, delays: maxDelayMs > 0 };
  const there = { tails: Boolean(connection.tail), keepsDeadLetters: Boolean(connection.deadLetters), delays: true };
  expectEqual('the features', said, there);
});

/** What publish tells. */
export const publishing = [nobody, unrouted, routed, inHandler, sentAgain, twoSources, features];
