import { type ClauseTools, clause, publishAll, range } from './clause.ts';
import type { Collector } from './collect.ts';
import { countOf, distinct, expectEqual, expectFewer } from './expect.ts';

/** Publishes 20 events to a consumer with a concurrency of 3, whose handlers wait. Collects the signals of those that started. */
const startThree = async (tools: ClauseTools): Promise<Collector<AbortSignal>> => {
  const name = tools.unique('order.placed');
  const started = tools.collect<AbortSignal>();
  const gate = tools.createGate();
  const reader = tools.join('reader');
  const handle = async (_: unknown, { signal }: { readonly signal: AbortSignal }) => {
    started.add(signal);
    await gate.opened;
  };
  reader.consume(name, 'read', handle, { concurrency: 3 });
  await reader.ready();
  await publishAll(tools.join('writer'), name, range(20));
  return started;
};

const notMore = clause(
  'a process handles no more events of a consumer at once than its concurrency',
  [],
  async (tools) => {
    const started = await startThree(tools);
    await started.until('the first event', ({ length }) => length > 0);
    await tools.quiet();

    // Those that were given to another process do not count.
    expectFewer(
      'events at once',
      countOf(started.items, ({ aborted }) => !aborted),
      4,
    );
  },
);

const notFewer = clause(
  'a process handles as many events of a consumer at once as its concurrency',
  [],
  async (tools) => {
    const started = await startThree(tools);

    await started.until('three events at once', (signals) => countOf(signals, ({ aborted }) => !aborted) >= 3);
  },
);

const hung = clause('a handler that hangs does not stop the other events of its consumer', [], async (tools) => {
  const name = tools.unique('order.placed');
  const seen = tools.collect<unknown>();
  const gate = tools.createGate();
  const reader = tools.join('reader');
  const handle = async (payload: unknown) => {
    seen.add(payload);
    if (payload === 'hangs') await gate.opened;
  };
  reader.consume(name, 'read', handle, { concurrency: 4 });
  await reader.ready();
  const writer = tools.join('writer');

  await publishAll(writer, name, ['hangs']);
  await seen.until('the first event', (items) => items.includes('hangs'));
  await publishAll(writer, name, range(20));

  await seen.until('20 others', (items) => distinct(items).length === 21);
});

const lateConsumer = clause('a consumer can start beside a handler that hangs', [], async (tools) => {
  const name = tools.unique('order.placed');
  const seen = tools.collect<string>();
  const gate = tools.createGate();
  const bus = tools.join('reader');
  const hang = async () => {
    seen.add('hangs');
    await gate.opened;
  };
  bus.consume(name, 'hang', hang, { concurrency: 1 });
  await bus.ready();
  const writer = tools.join('writer');
  await publishAll(writer, name, [1]);
  await seen.until('the first event', (items) => items.includes('hangs'));

  bus.consume(name, 'late', (payload) => seen.add(`late ${payload}`));
  await bus.ready();
  await publishAll(writer, name, [2]);

  await seen.until('the event of the late consumer', (items) => items.includes('late 2'));
});

const lease = clause('an event belongs to its process for as long as its handler runs', [], async (tools) => {
  const name = tools.unique('order.placed');
  const started = tools.collect<unknown>();
  const gate = tools.createGate();
  const buses = [tools.join('reader'), tools.join('reader')];
  const handle = async (payload: unknown) => {
    started.add(payload);
    await gate.opened;
  };
  for (const bus of buses) bus.consume(name, 'read', handle, { concurrency: 20 });
  await Promise.all(buses.map((bus) => bus.ready()));

  await publishAll(tools.join('writer'), name, range(10));
  await started.until('10 events', (items) => distinct(items).length === 10);
  await new Promise((resolve) => setTimeout(resolve, 2 * tools.leaseMs));

  // A broker may bring an event twice. Without a lease that is extended, all come twice.
  const startsOf = (payload: unknown) => countOf(started.items, (other) => other === payload);
  const cameOnce = range(10).filter((payload) => startsOf(payload) === 1);
  expectEqual('whether all events came again', cameOnce.length === 0, false);
});

/** How many events a process handles at once. */
export const concurrency = [notMore, notFewer, hung, lateConsumer, lease];
