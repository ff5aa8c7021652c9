import type { Delivery } from '../../transport/index.ts';
import { acknowledge, clause, DONE, dataOf, messageOf, publishAll, range, receive, send, specOf } from './clause.ts';
import { countOf, distinct, expectEqual } from './expect.ts';

const fromDeclare = clause('a consumer is in force once it is declared', [], async (tools) => {
  const spec = specOf('read', tools.unique('order.placed'));
  const [name = ''] = spec.names;
  const seen = tools.collect<unknown>();
  const connection = tools.connect('reader');
  await connection.declare([spec]);
  await send(tools.connect('writer'), messageOf(name, 'early'));

  await connection.consume(spec, async (delivery) => {
    seen.add(dataOf(delivery));
    return DONE;
  });

  await seen.until('the event', (items) => items.includes('early'));
});

const otherName = clause('a consumer that moves to another event name gives the old one up', [], async (tools) => {
  const [before, after] = [tools.unique('order.placed'), tools.unique('order.created')];
  const seen = tools.collect<unknown>();
  const join = async (name: string) => {
    const connection = tools.connect('mail');
    await receive(connection, specOf('send', name), async (delivery) => {
      seen.add(dataOf(delivery));
      return DONE;
    });
    return connection;
  };
  const writer = tools.connect('writer');
  const first = await join(before);
  await send(writer, messageOf(before, 'first'));
  await seen.until('the first event', (items) => items.includes('first'));
  await first.close();

  await join(after);
  await send(writer, messageOf(before, 'old name'));
  await send(writer, messageOf(after, 'new name'));

  await seen.until('the new name', (items) => items.includes('new name'));
  await tools.quiet();
  expectEqual(
    'events of the old name',
    countOf(seen.items, (data) => data === 'old name'),
    0,
  );
});

const renamed = clause('a renamed consumer gets what waits for its former name', [], async (tools) => {
  const spec = specOf('before', tools.unique('order.placed'));
  const [name = ''] = spec.names;
  const seen = tools.collect<unknown>();
  await tools.connect('mail').declare([spec]);
  const writer = tools.join('writer');
  await publishAll(writer, name, range(5));

  const bus = tools.join('mail');
  bus.consume(name, 'after', (payload) => seen.add(payload), { formerly: 'before' });
  await bus.ready();
  await publishAll(writer, name, [5]);

  await seen.until('six events', (items) => distinct(items).length === 6);
});

const formerIsRemoved = clause('nothing waits for the former name of a renamed consumer', [], async (tools) => {
  const spec = specOf('before', tools.unique('order.placed'));
  const [name = ''] = spec.names;
  const seen = tools.collect<[string, unknown]>();
  const read = (consumer: string) => async (delivery: Delivery) => {
    seen.add([consumer, dataOf(delivery)]);
    return DONE;
  };
  const first = tools.connect('mail');
  await first.declare([spec]);
  await receive(tools.connect('mail'), { ...spec, consumer: 'after', formerly: 'before' }, read('after'));
  const writer = tools.join('writer');
  await publishAll(writer, name, ['first']);
  await seen.until('the first event', (items) => items.some(([, data]) => data === 'first'));
  await tools.quiet();

  // As an old process that starts again. It may share the events of the new name.
  await receive(first, spec, read('before'));
  await publishAll(writer, name, ['second']);

  await seen.until('the second event', (items) => items.some(([, data]) => data === 'second'));
  await tools.quiet();
  const kept = seen.items.filter(([consumer, data]) => consumer === 'before' && data === 'first');
  expectEqual('events that waited for the former name', kept, []);
});

const renamedInDeploy = clause(
  'a consumer that is renamed while an old process runs it loses nothing',
  [],
  async (tools) => {
    const name = tools.unique('order.placed');
    const seen = tools.collect<unknown>();
    const gate = tools.createGate();
    const old = tools.join('mail');
    const started = tools.collect<unknown>();
    const handle = async (payload: unknown) => {
      started.add(payload);
      await gate.opened;
      seen.add(payload);
    };
    old.consume(name, 'before', handle, { concurrency: 1 });
    await old.ready();
    const writer = tools.join('writer');
    await publishAll(writer, name, range(5));
    await started.until('the first event', ({ length }) => length > 0);

    const renewed = tools.join('mail');
    renewed.consume(name, 'after', (payload) => seen.add(payload), { formerly: 'before' });
    await renewed.ready();
    const closed = old.close();
    gate.open();
    await tools.inTime('the close', closed);
    await publishAll(writer, name, [5]);

    await seen.until('six events', (items) => distinct(items).length === 6);
  },
);

const EXPIRES = ['expiresConsumers', 'tellsUnrouted'] as const;

const expires = clause('a consumer that no process has run for too long is removed', EXPIRES, async (tools) => {
  const spec = specOf('read', tools.unique('order.placed'), { expiresAfterMs: 50 });
  const [name = ''] = spec.names;
  const connection = tools.connect('reader');
  await receive(connection, spec, acknowledge);
  await connection.close();
  const writer = tools.connect('writer');

  await tools.eventually('a publish that reaches no consumer', async () => {
    const { unrouted } = await send(writer, messageOf(name, 1));
    return unrouted === true ? true : undefined;
  });
});

const staysInForce = clause('a consumer that a process runs is not removed', ['expiresConsumers'], async (tools) => {
  const spec = specOf('read', tools.unique('order.placed'), { expiresAfterMs: 50 });
  const [name = ''] = spec.names;
  const seen = tools.collect<unknown>();
  await receive(tools.connect('reader'), spec, async (delivery) => {
    seen.add(dataOf(delivery));
    return DONE;
  });

  await new Promise((resolve) => setTimeout(resolve, 100));
  await send(tools.connect('writer'), messageOf(name, 'late'));

  await seen.until('the late event', (items) => items.includes('late'));
});

/** What a consumer is at the transport, and how it changes. */
export const declaring = [fromDeclare, otherName, renamed, formerIsRemoved, renamedInDeploy, expires, staysInForce];
