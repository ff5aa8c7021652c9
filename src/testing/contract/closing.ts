import type { Deliver } from '../../transport/index.ts';
import {
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
} from './clause.ts';
import { countOf, distinct, expectEqual } from './expect.ts';

const acknowledged = clause('what is handled during a close does not come again', [], async (tools) => {
  const name = tools.unique('order.placed');
  const [started, again] = [tools.collect<unknown>(), tools.collect<unknown>()];
  const gate = tools.createGate();
  const first = tools.join('reader');
  const handle = async (payload: unknown) => {
    started.add(payload);
    await gate.opened;
  };
  first.consume(name, 'read', handle, { concurrency: 20 });
  await first.ready();
  const writer = tools.join('writer');
  await publishAll(writer, name, range(10));
  await started.until('10 events', (items) => distinct(items).length === 10);

  const closed = first.close();
  gate.open();
  await tools.inTime('the close', closed);
  const second = tools.join('reader');
  second.consume(name, 'read', (payload) => again.add(payload));
  await second.ready();
  await publishAll(writer, name, ['next']);
  await again.until('the next event', (items) => items.includes('next'));
  await tools.quiet();

  // A broker may bring a few again. Without an acknowledgement, all come again.
  const repeated = distinct(again.items).filter((payload) => payload !== 'next');
  expectEqual('whether all events came again', repeated.length === 10, false);
});

const whileDraining = clause('a handler can publish while its process closes', [], async (tools) => {
  const [name, followUp] = [tools.unique('order.placed'), tools.unique('order.paid')];
  const [started, seen] = [tools.collect<unknown>(), tools.collect<unknown>()];
  const gate = tools.createGate();
  const bus = tools.join('shop');
  const other = tools.join('mail');
  const handle = async (payload: unknown) => {
    started.add(payload);
    await gate.opened;
    await bus.publish(followUp, payload);
  };
  bus.consume(name, 'pay', handle);
  other.consume(followUp, 'thank', (payload) => seen.add(payload));
  await Promise.all([bus.ready(), other.ready()]);
  await publishAll(tools.join('writer'), name, range(5));
  await started.until('five events', (items) => distinct(items).length === 5);

  const closed = bus.close();
  // The transport has the time to stop its consumers.
  await tools.quiet();
  gate.open();

  await tools.inTime('the close', closed);
  await seen.until('five follow-up events', (items) => distinct(items).length === 5);
});

const waitingMoves = clause('what waits when a process closes comes to another one', [], async (tools) => {
  const name = tools.unique('order.placed');
  const seen = tools.collect<unknown>();
  const started = tools.collect<unknown>();
  const gate = tools.createGate();
  const first = tools.join('reader');
  const hold = async (payload: unknown) => {
    started.add(payload);
    await gate.opened;
    seen.add(payload);
  };
  first.consume(name, 'read', hold, { concurrency: 1 });
  await first.ready();
  await publishAll(tools.join('writer'), name, range(15));
  await started.until('the first event', ({ length }) => length > 0);

  const closed = first.close();
  gate.open();
  await tools.inTime('the close', closed);
  const second = tools.join('reader');
  second.consume(name, 'read', (payload) => seen.add(payload));
  await second.ready();

  await seen.until('15 events', (items) => distinct(items).length === 15);
});

const openComesAgain = clause('what has no outcome when a process closes comes again', [], async (tools) => {
  const spec = specOf('read', tools.unique('order.placed'));
  const [name = ''] = spec.names;
  const started = tools.collect<unknown>();
  const seen = tools.collect<readonly [unknown, number]>();
  const gate = tools.createGate();
  const first = tools.connect('reader');
  const receiving = await receive(first, spec, async (delivery) => {
    started.add(dataOf(delivery));
    await gate.opened;
    return DONE;
  });
  const writer = tools.connect('writer');
  for (const data of range(3)) await send(writer, messageOf(name, data));
  await started.until('three events', (items) => distinct(items).length === 3);

  // As a bus whose drain time is over.
  await receiving.stop();
  await tools.inTime('the close', first.close());
  await receive(tools.connect('reader'), spec, async (delivery) => {
    seen.add([dataOf(delivery), delivery.attempt]);
    return DONE;
  });

  await seen.until('the three events again', (items) => distinct(items.map(([data]) => data)).length === 3);
  expectEqual('attempts', distinct(seen.items.map(([, attempt]) => attempt)), [1]);
});

const openIsAborted = clause('the signal of a delivery is aborted when its process closes first', [], async (tools) => {
  const spec = specOf('read', tools.unique('order.placed'));
  const [name = ''] = spec.names;
  const signals = tools.collect<AbortSignal>();
  const gate = tools.createGate();
  const connection = tools.connect('reader');
  const receiving = await receive(connection, spec, async ({ signal }) => {
    signals.add(signal);
    await gate.opened;
    return DONE;
  });
  await send(tools.connect('writer'), messageOf(name, 1));
  await signals.until('the event', ({ length }) => length > 0);

  await receiving.stop();
  await tools.inTime('the close', connection.close());

  await tools.eventually('the abort', async () => signals.items.every(({ aborted }) => aborted) || undefined);
});

const lateOutcome = clause('an outcome after the close has no effect', ['keepsDeadLetters'], async (tools) => {
  const spec = specOf('read', tools.unique('order.placed'));
  const [name = ''] = spec.names;
  const started = tools.collect<unknown>();
  const gate = tools.createGate();
  const first = tools.connect('reader');
  const receiving = await receive(first, spec, async (delivery) => {
    started.add(dataOf(delivery));
    await gate.opened;
    return DEAD;
  });
  await send(tools.connect('writer'), messageOf(name, 1));
  await started.until('the event', ({ length }) => length > 0);
  await receiving.stop();
  await tools.inTime('the close', first.close());

  gate.open();
  await tools.quiet();

  expectEqual('dead letters', (await lettersOf(tools.connect('reader'))).length, 0);
});

const stopIsFinal = clause('nothing is delivered once a consumer has stopped', [], async (tools) => {
  const name = tools.unique('order.placed');
  const seen = tools.collect<unknown>();
  const receiving = await receive(tools.connect('reader'), specOf('read', name), async (delivery) => {
    seen.add(dataOf(delivery));
    return DONE;
  });
  const writer = tools.connect('writer');
  await send(writer, messageOf(name, 'before'));
  await seen.until('the first event', (items) => items.includes('before'));

  await receiving.stop();
  for (const data of range(3)) await send(writer, messageOf(name, data));
  await tools.quiet();

  expectEqual('events after the stop', distinct(seen.items).slice(1), []);
});

const startsAgain = clause('a consumer that has stopped can start again in its process', [], async (tools) => {
  const spec = specOf('read', tools.unique('order.placed'));
  const [name = ''] = spec.names;
  const seen = tools.collect<unknown>();
  const connection = tools.connect('reader');
  const deliver: Deliver = async (delivery) => {
    seen.add(dataOf(delivery));
    return DONE;
  };
  const receiving = await receive(connection, spec, deliver);
  await receiving.stop();

  await connection.consume(spec, deliver);
  await send(tools.connect('writer'), messageOf(name, 'afterwards'));

  await seen.until('the event', (items) => items.includes('afterwards'));
});

const promptClose = clause('close waits for no retry, and can be called twice', ['maxDelayMs'], async (tools) => {
  const spec = specOf('read', tools.unique('order.placed'));
  const [name = ''] = spec.names;
  const connection = tools.connect('reader');
  const afterMs = Math.min(10 * tools.timeoutMs, connection.features.maxDelayMs);
  const seen = tools.collect<unknown>();
  const receiving = await receive(connection, spec, async (delivery) => {
    seen.add(dataOf(delivery));
    return retryOf(delivery.attempt + 1, afterMs);
  });
  await send(tools.connect('writer'), messageOf(name, 1));
  await seen.until('the event', ({ length }) => length > 0);
  await tools.quiet();

  await tools.inTime('the stop', receiving.stop());
  await tools.inTime('the close', connection.close());
  await tools.inTime('the second close', connection.close());
});

const publishAfterClose = clause('publish rejects in time once the transport is closed', [], async (tools) => {
  const connection = tools.connect('writer');
  await tools.inTime('the close', connection.close());
  const publishing = send(connection, messageOf(tools.unique('order.placed'), 1));
  const settled = publishing.then(
    () => 'taken',
    ({ outcome }) => outcome,
  );
  expectEqual('what became of the event', await tools.inTime('the publish', settled), 'not-sent');
});

const health = clause('health tells whether the transport is connected', [], async (tools) => {
  const connection = tools.connect('reader');
  await connection.declare([specOf('read', tools.unique('order.placed'))]);
  const before = connection.health();
  await connection.close();
  const after = connection.health();
  expectEqual('connected', [before.connected, after.connected], [true, false]);
  expectEqual(
    'dates',
    [before, after].map(({ since }) => since instanceof Date),
    [true, true],
  );
});

const idleWaits = clause('idle waits for what is due, where the transport has it', [], async (tools) => {
  const name = tools.unique('order.placed');
  const seen = tools.collect<unknown>();
  const connection = tools.connect('reader');
  await receive(connection, specOf('read', name, { concurrency: 1 }), async (delivery) => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    seen.add(dataOf(delivery));
    return DONE;
  });
  const writer = tools.connect('writer');
  for (const data of range(10)) await send(writer, messageOf(name, data));
  if (!connection.idle) return;
  // What waits in an outbox of the writer is not with the transport yet.
  await tools.inTime('idle of the writer', writer.idle?.() ?? Promise.resolve());

  await tools.inTime('idle', connection.idle());

  expectEqual('events', distinct(seen.items).length, 10);
});

const idleIgnoresRetries = clause('idle waits for no retry that is not due', ['maxDelayMs'], async (tools) => {
  const name = tools.unique('order.placed');
  const seen = tools.collect<unknown>();
  const connection = tools.connect('reader');
  const afterMs = Math.min(10 * tools.timeoutMs, connection.features.maxDelayMs);
  await receive(connection, specOf('read', name), async (delivery) => {
    seen.add(dataOf(delivery));
    return retryOf(delivery.attempt + 1, afterMs);
  });
  await send(tools.connect('writer'), messageOf(name, 1));
  await seen.until('the event', ({ length }) => length > 0);

  await tools.inTime('idle', connection.idle?.() ?? Promise.resolve());
});

const activeResources = () => countOf(process.getActiveResourcesInfo(), (kind) => kind !== 'Immediate');

const leavesTimers = clause('a process that has closed ends by itself', [], async (tools) => {
  const name = tools.unique('order.placed');
  const before = activeResources();
  const seen = tools.collect<number>();
  const gate = tools.createGate();
  const bus = tools.join('reader');
  const handle = async (_: unknown, { attempt }: { readonly attempt: number }) => {
    seen.add(attempt);
    throw new Error('not yet');
  };
  const longRetry = { retryDelayMs: 100_000 };
  bus.consume(name, 'fail', handle, longRetry);
  bus.consume(name, 'hang', () => gate.opened);
  await bus.ready();
  await publishAll(bus, name, range(5));
  await seen.until('five failures', ({ length }) => length >= 5);

  const closed = bus.close({ drainTimeoutMs: 1 });
  await tools.inTime('the close', closed);
  gate.open();

  await tools.eventually('the end of all timers and sockets', async () =>
    activeResources() <= before ? true : undefined,
  );
});

/** Beside it, other clauses would start and end timers and sockets. */
const leavesNothing = { ...leavesTimers, alone: true };

/** The end of a process. */
export const closing = [
  acknowledged,
  whileDraining,
  waitingMoves,
  openComesAgain,
  openIsAborted,
  lateOutcome,
  stopIsFinal,
  startsAgain,
  promptClose,
  publishAfterClose,
  health,
  idleWaits,
  idleIgnoresRetries,
  leavesNothing,
];
