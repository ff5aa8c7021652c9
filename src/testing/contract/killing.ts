import type { Connection, Deliver, Outcome } from '../../transport/index.ts';
import {
  acknowledge,
  type ClauseTools,
  clause,
  DEAD,
  DONE,
  dataOf,
  lettersOf,
  messageOf,
  publishAll,
  range,
  receive,
  retryOf,
  send,
  specOf,
  textOf,
} from './clause.ts';
import { distinct, expectEqual } from './expect.ts';

const NEEDS = ['durable'] as const;

/** A process that holds one event until it is killed, and the event as the next process gets it. */
const moveByKill = async (tools: ClauseTools, lateOutcome: Outcome = DONE) => {
  const spec = specOf('read', tools.unique('order.placed'));
  const [name = ''] = spec.names;
  const seen = tools.collect<{
    readonly process: Connection;
    readonly id: string;
    readonly deliveries: number | undefined;
    readonly signal: AbortSignal;
  }>();
  const gate = tools.createGate();
  const join = async (deliverNext?: Deliver) => {
    const process = tools.connect('reader');
    await receive(process, spec, async (delivery) => {
      const { id } = JSON.parse(textOf(delivery.body));
      seen.add({ process, id, deliveries: delivery.deliveries, signal: delivery.signal });
      if (deliverNext) return deliverNext(delivery);
      await gate.opened;
      return lateOutcome;
    });
    return process;
  };
  const holder = await join();
  const message = messageOf(name, 1);
  await send(tools.connect('writer'), message);
  await seen.until('the event', ({ length }) => length > 0);
  await tools.kill(holder);
  const cameTo = (process: Connection) =>
    seen.until('the event in another process', (items) => items.some((item) => item.process === process));
  return { message, seen, gate, join, cameTo };
};

const comesAgain = clause('the event of a killed process comes again, with the same id', NEEDS, async (tools) => {
  const { message, seen, join, cameTo } = await moveByKill(tools);

  await cameTo(await join(acknowledge));

  expectEqual('ids', distinct(seen.items.map(({ id }) => id)), [message.id]);
});

const keepsAttempt = clause(
  'the event of a killed process keeps its attempt',
  ['durable', 'maxDelayMs'],
  async (tools) => {
    const name = tools.unique('order.placed');
    const seen = tools.collect<[string, number]>();
    const gate = tools.createGate();
    const join = async (process: string, until: Promise<unknown>) => {
      const bus = tools.join('reader');
      const handle = async (_: unknown, { attempt }: { readonly attempt: number }) => {
        seen.add([process, attempt]);
        if (attempt === 1) throw new Error('not yet');
        await until;
      };
      bus.consume(name, 'read', handle);
      await bus.ready();
      return bus;
    };
    const first = await join('first', gate.opened);
    await publishAll(tools.join('writer'), name, [1]);
    await seen.until('the second attempt', (items) => items.some(([, attempt]) => attempt === 2));

    await tools.kill(first);
    await join('second', Promise.resolve());

    const items = await seen.until('the event again', (all) => all.some(([process]) => process === 'second'));
    const inSecond = items.filter(([process]) => process === 'second');
    expectEqual('attempts in the next process', distinct(inSecond.map(([, attempt]) => attempt)), [2]);
  },
);

const lateOutcome = clause(
  'the outcome of a killed process has no effect',
  ['durable', 'keepsDeadLetters'],
  async (tools) => {
    const { gate, join, cameTo } = await moveByKill(tools, DEAD);
    const next = await join(acknowledge);
    await cameTo(next);

    gate.open();
    await tools.quiet();

    expectEqual('dead letters', (await lettersOf(next)).length, 0);
  },
);

const counted = clause(
  'deliveries are counted over killed processes',
  ['durable', 'countsDeliveries'],
  async (tools) => {
    const { seen, join, cameTo } = await moveByKill(tools);
    for (const _ of range(2)) {
      const next = await join();
      await cameTo(next);
      await tools.kill(next);
    }
    await cameTo(await join(acknowledge));

    // More is possible: a broker may bring an event twice.
    const counts = seen.items.map(({ deliveries = 0 }) => deliveries);
    expectEqual('whether the fourth delivery is counted as an earlier one', Math.max(...counts) < 4, false);
  },
);

const lostIsAborted = clause(
  'the signal of a delivery is aborted once another process has it',
  NEEDS,
  async (tools) => {
    const { seen, join, cameTo } = await moveByKill(tools);
    const next = await join(acknowledge);
    await cameTo(next);

    const lost = seen.items.filter(({ process }) => process !== next);
    await tools.eventually('the abort', async () => lost.every(({ signal }) => signal.aborted) || undefined);
  },
);

const keepsAttemptByKey = clause(
  'with an order, the attempt of an event that waits for its retry survives the end of its process',
  ['durable', 'ordersByKey', 'keepsAttemptsByKey', 'maxDelayMs'],
  async (tools) => {
    const spec = specOf('read', tools.unique('order.placed'), { order: 'key' });
    const [name = ''] = spec.names;
    const seen = tools.collect<number>();
    const join = async (deliver: (attempt: number) => Outcome) => {
      const process = tools.connect('reader');
      await receive(process, spec, async ({ attempt }) => {
        seen.add(attempt);
        return deliver(attempt);
      });
      return process;
    };
    const first = await join((attempt) => retryOf(attempt + 1, 100));
    await send(tools.connect('writer'), messageOf(name, 1, { key: 'a' }));
    await seen.until('the first attempt', ({ length }) => length > 0);
    await tools.quiet();

    await tools.kill(first);
    const before = seen.items.length;
    await join(() => DONE);

    await seen.until('the retry', ({ length }) => length > before);
    expectEqual('whether it is a first attempt again', seen.items[before] === 1, false);
  },
);

const outlives = clause('events outlive the end of every process', NEEDS, async (tools) => {
  const spec = specOf('read', tools.unique('order.placed'));
  const [name = ''] = spec.names;
  const seen = tools.collect<unknown>();
  const first = tools.connect('reader');
  const writer = tools.connect('writer');
  await first.declare([spec]);
  await first.close();
  for (const data of range(10)) await send(writer, messageOf(name, data));
  await writer.close();

  await receive(tools.connect('reader'), spec, async (delivery) => {
    seen.add(dataOf(delivery));
    return DONE;
  });

  await seen.until('10 events', (items) => distinct(items).length === 10);
});

const lettersOutlive = clause(
  'dead letters outlive the end of every process',
  ['durable', 'keepsDeadLetters'],
  async (tools) => {
    const name = tools.unique('order.placed');
    const first = tools.connect('reader');
    const writer = tools.connect('writer');
    await receive(first, specOf('read', name), async () => DEAD);
    await send(writer, messageOf(name, 'dies'));
    await tools.eventually('the dead letter', async () => (await lettersOf(first))[0]);
    await Promise.all([first.close(), writer.close()]);

    const letters = await lettersOf(tools.connect('reader'));

    expectEqual('events', distinct(letters.map(dataOf)), ['dies']);
  },
);

/** What a durable transport keeps when processes die. */
export const killing = [
  comesAgain,
  keepsAttempt,
  lateOutcome,
  lostIsAborted,
  counted,
  keepsAttemptByKey,
  outlives,
  lettersOutlive,
];
