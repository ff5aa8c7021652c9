import type { Connection, ConsumerSpec, OperatorTools, StoredConsumer } from '../../transport/index.ts';
import {
  acknowledge,
  type ClauseTools,
  clause,
  DEAD,
  DONE,
  dataOf,
  lettersOf,
  messageOf,
  range,
  receive,
  retryOf,
  send,
  specOf,
} from './clause.ts';
import { distinct, expectEqual } from './expect.ts';

const NEEDS = ['servesOperators'] as const;
/** So short that a transport which looks for signs of life soon sees that there are none. */
const EXPIRES_MS = 20_000;
const RETRY_MS = 60_000;

const operatorOf = ({ operator }: Connection): OperatorTools => {
  if (!operator) throw new Error('The feature servesOperators is there, and operator is not');
  return operator;
};

const find = async (connection: Connection, consumer: string): Promise<StoredConsumer | undefined> =>
  (await operatorOf(connection).consumers()).find((found) => found.consumer === consumer);

/** A consumer that is in force, and that no process runs. */
const declareOne = async (tools: ClauseTools, consumer = 'read', changes: Partial<ConsumerSpec> = {}) => {
  const name = tools.unique('order.placed');
  const connection = tools.connect('reader');
  const spec = specOf(consumer, name, changes);
  await connection.declare([spec]);
  return { name, connection, spec, writer: tools.connect('writer') };
};

/** Waits until nobody is seen to run a consumer. A process that has declared it may count until it has closed. */
const untilNotRun = (tools: ClauseTools, connection: Connection, consumer: string) =>
  tools.eventually('no process', async () => ((await find(connection, consumer))?.isRun === false ? true : undefined));

/** Waits until so many events are seen to wait, or twice as many: some may be doubled. */
const untilWaiting = (tools: ClauseTools, connection: Connection, consumer: string, least: number, most: number) =>
  tools.eventually(`${least} waiting events`, async () => {
    const { waiting = -1 } = (await find(connection, consumer)) ?? {};
    return waiting >= least && waiting <= most ? waiting : undefined;
  });

const listed = clause('an operator sees each consumer of the service, with its events', NEEDS, async (tools) => {
  const names = [tools.unique('order.placed'), tools.unique('order.paid')].sort();
  const [first = ''] = names;
  const connection = tools.connect('reader');
  await connection.declare([specOf('first', first), specOf('second', first, { names: [...names].reverse() })]);

  const found = await operatorOf(tools.connect('reader')).consumers();

  const seen = found.map(({ consumer, names: events, inForce }) => [consumer, events, inForce]);
  expectEqual('the consumers', seen, [
    ['first', [first], true],
    ['second', names, true],
  ]);
});

const ofOneService = clause('an operator sees no consumer of another service', NEEDS, async (tools) => {
  await declareOne(tools);

  const found = await operatorOf(tools.connect('other')).consumers();

  expectEqual(
    'the consumers of another service',
    found.map(({ consumer }) => consumer),
    [],
  );
});

const waiting = clause('an operator sees how many events wait for a consumer', NEEDS, async (tools) => {
  const { name, connection, spec, writer } = await declareOne(tools);
  for (const index of range(5)) await send(writer, messageOf(name, index));
  await untilWaiting(tools, connection, 'read', 5, 10);

  await connection.consume(spec, acknowledge);

  await untilWaiting(tools, connection, 'read', 0, 0);
});

const waitingRetry = clause('an event that waits for its retry is counted', NEEDS, async (tools) => {
  const name = tools.unique('order.placed');
  const connection = tools.connect('reader');
  const seen = tools.collect<number>();
  await receive(connection, specOf('read', name, { retryDelaysMs: [RETRY_MS] }), async ({ attempt }) => {
    seen.add(attempt);
    return retryOf(attempt + 1, RETRY_MS);
  });

  await send(tools.connect('writer'), messageOf(name, 1));

  await seen.until('the first attempt', ({ length }) => length > 0);
  await untilWaiting(tools, connection, 'read', 1, 2);
});

const looksRun = clause('an operator sees whether a process runs a consumer', NEEDS, async (tools) => {
  const name = tools.unique('order.placed');
  const watcher = tools.connect('reader');
  const process = tools.connect('reader');
  const spec = specOf('read', name, { expiresAfterMs: EXPIRES_MS });
  const untilRun = (isRun: boolean) =>
    tools.eventually(isRun ? 'a process' : 'no process', async () => {
      const found = await find(watcher, 'read');
      return found?.isRun === isRun ? found : undefined;
    });

  await receive(process, spec, acknowledge);
  const { lastSeenAt = new Date(0), processes = 1 } = await untilRun(true);
  await process.close();
  await untilRun(false);

  expectEqual('processes', processes, 1);
  // The clock of a broker may be another one.
  expectEqual('minutes since it was seen', Math.round((Date.now() - lastSeenAt.getTime()) / 600_000), 0);
});

const lookingChangesNothing = clause('looking at consumers changes nothing', NEEDS, async (tools) => {
  const { name, connection, spec, writer } = await declareOne(tools);
  await send(writer, messageOf(name, 1));
  await untilWaiting(tools, connection, 'read', 1, 2);

  for (const _ of range(10)) {
    await operatorOf(connection).consumers();
    await operatorOf(connection).compare([spec]);
  }

  const seen = tools.collect<number>();
  await connection.consume(spec, async ({ attempt }) => {
    seen.add(attempt);
    return DONE;
  });
  await seen.until('the event', ({ length }) => length > 0);
  expectEqual('attempts', distinct(seen.items), [1]);
});

const removed = clause('a consumer that is removed is gone with its events', NEEDS, async (tools) => {
  const { name, connection, spec, writer } = await declareOne(tools, 'read', { expiresAfterMs: EXPIRES_MS });
  for (const index of range(3)) await send(writer, messageOf(name, index));
  await untilWaiting(tools, connection, 'read', 3, 6);
  await connection.close();
  const operator = tools.connect('reader');
  await untilNotRun(tools, operator, 'read');

  const isRemoved = await operatorOf(operator).remove('read');

  expectEqual('whether there was one', isRemoved, true);
  expectEqual('the consumer', await find(operator, 'read'), undefined);
  const seen = tools.collect<unknown>();
  const next = tools.connect('reader');
  await receive(next, spec, async (delivery) => {
    seen.add(dataOf(delivery));
    return DONE;
  });
  await send(writer, messageOf(name, 'new'));
  await seen.until('the new event', (items) => items.includes('new'));
  await tools.quiet();
  expectEqual('the events', distinct(seen.items), ['new']);
});

const removesOne = clause('to remove a consumer leaves the others with their events', NEEDS, async (tools) => {
  const name = tools.unique('order.placed');
  const process = tools.connect('reader');
  const kept = specOf('kept', name);
  await process.declare([specOf('read', name, { expiresAfterMs: EXPIRES_MS }), kept]);
  await send(tools.connect('writer'), messageOf(name, 1));
  await process.close();
  const connection = tools.connect('reader');
  await untilNotRun(tools, connection, 'read');

  await operatorOf(connection).remove('read');

  const seen = tools.collect<unknown>();
  await receive(connection, kept, async (delivery) => {
    seen.add(dataOf(delivery));
    return DONE;
  });
  await seen.until('the event of the other consumer', ({ length }) => length > 0);
});

const removesNothing = clause('to remove a consumer that is not there tells so', NEEDS, async (tools) => {
  const { connection } = await declareOne(tools);

  expectEqual('whether there was one', await operatorOf(connection).remove('other'), false);
});

const runIsKept = clause('a consumer that a process runs cannot be removed', NEEDS, async (tools) => {
  const name = tools.unique('order.placed');
  const process = tools.connect('reader');
  const seen = tools.collect<unknown>();
  await receive(process, specOf('read', name), async (delivery) => {
    seen.add(dataOf(delivery));
    return DONE;
  });
  const operator = tools.connect('reader');
  await tools.eventually('the process', async () => ((await find(operator, 'read'))?.isRun ? true : undefined));

  const removal = await operatorOf(operator)
    .remove('read')
    .then(
      () => 'removed',
      () => 'refused',
    );

  expectEqual('the removal', removal, 'refused');
  await send(tools.connect('writer'), messageOf(name, 1));
  await seen.until('the event', ({ length }) => length > 0);
});

const lettersStay = clause(
  'the dead letters of a removed consumer stay',
  [...NEEDS, 'keepsDeadLetters'],
  async (tools) => {
    const name = tools.unique('order.placed');
    const process = tools.connect('reader');
    await receive(process, specOf('read', name, { expiresAfterMs: EXPIRES_MS }), async () => DEAD);
    await send(tools.connect('writer'), messageOf(name, 1));
    const operator = tools.connect('reader');
    const letter = await tools.eventually('the dead letter', async () => (await lettersOf(operator))[0]);
    await process.close();
    await untilNotRun(tools, operator, 'read');

    await operatorOf(operator).remove('read');

    const refs = (await lettersOf(operator)).map(({ ref }) => ref);
    expectEqual('whether the letter is there', refs.includes(letter.ref), true);
  },
);

const nothingDiffers = clause('a comparison of what is in force finds no difference', NEEDS, async (tools) => {
  const { connection, spec } = await declareOne(tools);

  const entries = await operatorOf(connection).compare([spec]);

  const differences = entries.filter(({ is }) => is !== 'present');
  expectEqual('what differs', differences, []);
  expectEqual('whether anything was compared', entries.length > 0, true);
});

const missing = clause('a comparison names what is missing', NEEDS, async (tools) => {
  const { connection, spec, name } = await declareOne(tools);

  const entries = await operatorOf(connection).compare([spec, specOf('new-one', name)]);

  const of = entries.filter(({ is, what }) => is === 'missing' && what.includes('new'));
  expectEqual('whether the new consumer is missing', of.length > 0, true);
  expectEqual('whether the new consumer is still not there', await find(connection, 'new-one'), undefined);
});

const otherNames = clause('a comparison names an event that a consumer does not get', NEEDS, async (tools) => {
  const { connection, spec, name } = await declareOne(tools);
  const other = tools.unique('order.paid');

  const entries = await operatorOf(connection).compare([{ ...spec, names: [name, other] }]);

  const naming = entries.filter(
    ({ is, what, detail = '' }) => is !== 'present' && `${what} ${detail}`.includes(encoded(other)),
  );
  expectEqual('whether the event is named', naming.length > 0, true);
});

const unplanned = clause('a comparison names a consumer that no plan has', NEEDS, async (tools) => {
  const { connection } = await declareOne(tools, 'forgotten');

  const entries = await operatorOf(connection).compare([]);

  const of = entries.filter(({ is, what }) => is === 'unplanned' && what.includes('forgotten'));
  expectEqual('whether the consumer is named', of.length > 0, true);
});

/** A transport may write a name in another way: its end is enough to recognise it. */
const encoded = (name: string): string => name.slice(-8);

/** Publishes until a tail hears it: it misses what is published before it is there. */
const untilHeard = (tools: ClauseTools, writer: Connection, name: string, heard: readonly unknown[]) =>
  tools.eventually(`an event of ${name}`, async () => {
    await send(writer, messageOf(name, name));
    return heard.includes(name) ? true : undefined;
  });

const tailOfAll = clause(
  "an operator's tail hears all names that are wanted, also later ones",
  NEEDS,
  async (tools) => {
    const [wanted, later, other] = [tools.unique('order.a'), tools.unique('order.b'), tools.unique('invoice')];
    const connection = tools.connect('reader');
    await connection.declare([specOf('read', wanted, { names: [wanted, other] })]);
    const writer = tools.connect('writer');
    const heard = tools.collect<unknown>();
    const suffix = wanted.slice(-8);
    await operatorOf(tools.connect('screen')).tail(
      (name) => name.startsWith('order.') && name.endsWith(suffix),
      (body) => heard.add(dataOf({ body })),
    );
    await untilHeard(tools, writer, wanted, heard.items);
    await send(writer, messageOf(other, other));
    await send(writer, messageOf(wanted, 'last'));
    await heard.until('the last event', (items) => items.includes('last'));

    await connection.declare([specOf('late', later)]);
    await untilHeard(tools, writer, later, heard.items);

    expectEqual('the names', distinct(heard.items).map(String).sort(), ['last', wanted, later].sort());
  },
);

const tailTakesNothing = clause("an operator's tail takes nothing away from consumers", NEEDS, async (tools) => {
  const { name, connection, spec, writer } = await declareOne(tools);
  const heard = tools.collect<unknown>();
  const receiving = await operatorOf(tools.connect('screen')).tail([name], (body) => heard.add(dataOf({ body })));
  await untilHeard(tools, writer, name, heard.items);
  for (const index of range(10)) await send(writer, messageOf(name, index));
  await heard.until('10 events', (items) => range(10).every((index) => items.includes(index)));
  await receiving.stop();
  await send(writer, messageOf(name, 'after'));

  const seen = tools.collect<unknown>();
  await connection.consume(spec, async (delivery) => {
    seen.add(dataOf(delivery));
    return DONE;
  });

  await seen.until('11 events', (items) => [...range(10), 'after'].every((each) => items.includes(each)));
  await tools.quiet();
  expectEqual('whether the tail hears more after its stop', heard.items.includes('after'), false);
});

/** What an operator sees and removes. */
export const operator = [
  listed,
  ofOneService,
  waiting,
  waitingRetry,
  looksRun,
  lookingChangesNothing,
  removed,
  removesOne,
  removesNothing,
  runIsKept,
  lettersStay,
  nothingDiffers,
  missing,
  otherNames,
  unplanned,
  tailOfAll,
  tailTakesNothing,
];
