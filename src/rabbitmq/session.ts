import type { Channel } from 'rabbitmq-client';
import { createActivity } from '../shared/activity.ts';
import { createGate } from '../shared/gate.ts';
import { sleep } from '../shared/sleep.ts';
import { within } from '../shared/time-limit.ts';
import type { ConnectionContext, ConsumerSpec, Deliver, Delivery, Outcome } from '../transport/index.ts';
import { createAcknowledgements } from './acknowledgements.ts';
import type { Piece } from './keep-open.ts';
import { closeChannel, pause } from './link.ts';
import { attemptOf, bodyOf, deliveriesOf, foreignHeaders, keyOf, type Received } from './message.ts';
import type { Outcomes } from './outcomes.ts';
import type { Queue } from './topology.ts';
import { createTurns } from './turns.ts';

/** From this delivery on, an event may be the one that kills its process. */
const SUSPECT_FROM = 3;
/** The bus gives an event up after so many deliveries. */
const MAX_DELIVERIES = 20;
/** With an order, so many times the concurrency wait here: keys that wait for a retry must leave room for the others. */
const AHEAD = 10;
const MAX_PREFETCH = 2_000;
/** How long a close has for outcomes, and then for acknowledgements. One that is not written gives its event to another process. */
const CARRY_OUT_MS = 3_000;
const ACKNOWLEDGE_MS = 3_000;
/** How long a close takes at the most, beside the answers of the broker. */
export const CLOSE_SESSION_MS = CARRY_OUT_MS + ACKNOWLEDGE_MS;
/**
 * How long a queue has to write some acknowledgements to its disk: at least so many milliseconds, and so many times what the
 * last command to it took. At 400 ms for a write, about 180 of 400 events came twice after 100 ms, and none after three
 * writes.
 */
const WRITE = { leastMs: 100, commands: 3 };

interface Parts {
  readonly channel: Channel;
  readonly queue: string;
  /** A queue that is there as long as a process runs this version of the consumer. */
  readonly present: Queue | undefined;
  /** Whether other processes may start with the queue only when nothing runs here any more. */
  readonly isKept: boolean;
  readonly spec: ConsumerSpec;
  readonly deliver: Deliver;
  readonly outcomes: Outcomes;
  readonly report: ConnectionContext['report'];
}

/** The deliveries of one consumer over one channel. It ends with the channel, or when it is stopped. */
export const openSession = async ({
  channel,
  queue,
  present,
  isKept,
  spec,
  deliver,
  outcomes,
  report,
}: Parts): Promise<Piece> => {
  const isOrdered = spec.order === 'key';
  const gone = new AbortController();
  const stopping = new AbortController();
  /** Aborted when no delivery may start any more. */
  const ending = AbortSignal.any([gone.signal, stopping.signal]);
  const acknowledgements = createAcknowledgements(channel);
  const turns = createTurns();
  const suspects = createGate(1);
  const running = createGate(spec.concurrency);
  /** What waits or runs here. */
  const open = createActivity();
  /** What was decided and is not yet carried out. */
  const decided = createActivity();
  let consumerTag = '';
  /** How long a command to the queue has taken. */
  let commandMs = 0;
  let hasSuspect = false;
  let hasEnded = () => {};
  const ended = new Promise<void>((resolve) => {
    hasEnded = resolve;
  });
  let isOver = () => {};
  /** Resolves when no more deliveries come over this channel. */
  const over = new Promise<void>((resolve) => {
    isOver = resolve;
  });

  const measured = async <Result>(command: Promise<Result>): Promise<Result> => {
    const startedAt = performance.now();
    try {
      return await command;
    } finally {
      commandMs = performance.now() - startedAt;
    }
  };
  const writeMs = () => Math.max(WRITE.leastMs, commandMs * WRITE.commands);
  /** Cancels. The answer comes after the queue has carried out what was written before. */
  const cancel = async (): Promise<void> => {
    await measured(channel.basicCancel({ consumerTag }));
    // The channel learns of it a moment later.
    await channel.queueDeclare({ queue, passive: true });
  };
  const giveBack = (message: Received): void => {
    // Otherwise it goes back when the channel closes, together with what came after it.
    if (!isKept) acknowledgements.giveBack(message.deliveryTag);
  };

  /**
   * How often the event was delivered. When a process dies, all that it had count. The first suspect of a channel has died
   * with its process each time, the others need not have started: they are handled one at a time, and not given up.
   */
  const countOf = (message: Received): number => {
    const deliveries = deliveriesOf(message);
    if (deliveries < SUSPECT_FROM) return deliveries;
    const isFirst = !hasSuspect;
    hasSuspect = true;
    return isFirst ? deliveries : Math.min(deliveries, MAX_DELIVERIES);
  };

  /** Runs one attempt, when there is room for it. */
  const attemptOnce = async (delivery: Delivery, isSuspect: boolean): Promise<Outcome | undefined> => {
    if (isSuspect) await suspects.enter();
    if (isOrdered) await running.enter();
    try {
      return ending.aborted ? undefined : await deliver(delivery);
    } finally {
      if (isOrdered) running.leave();
      if (isSuspect) suspects.leave();
    }
  };

  const deliveryOf = (message: Received, deliveries: number): Delivery => ({
    body: bodyOf(message),
    headers: foreignHeaders(message.headers),
    key: keyOf(message),
    attempt: attemptOf(message, queue),
    deliveries,
    signal: gone.signal,
  });

  /** With an order a retry waits here and holds its key back. */
  const handle = async (message: Received, deliveries: number): Promise<Outcome | undefined> => {
    const delivery = deliveryOf(message, deliveries);
    let isSuspect = deliveries >= SUSPECT_FROM;
    for (let { attempt } = delivery; ; ) {
      const outcome = await attemptOnce({ ...delivery, attempt }, isSuspect);
      if (!isOrdered || outcome?.is !== 'retry') return outcome;
      await sleep(outcome.afterMs, ending);
      if (ending.aborted) return undefined;
      isSuspect = false;
      ({ attempt } = outcome);
    }
  };

  const settle = async (message: Received, outcome: Outcome | undefined): Promise<void> => {
    if (gone.signal.aborted) return;
    if (!outcome) {
      giveBack(message);
      return;
    }
    decided.start();
    try {
      if (outcome.is !== 'done') await outcomes.carryOut(spec, message, outcome, gone.signal);
      acknowledgements.add(message.deliveryTag);
    } catch (error) {
      // The event is with another process by now, or will be.
      if (!gone.signal.aborted) report('error', 'event_transport_trouble', { consumer: spec.consumer, error });
    } finally {
      decided.end();
    }
  };

  /** Handles an event that must wait for others, or that may kill its process. */
  const receiveInTurn = async (message: Received, deliveries: number): Promise<void> => {
    open.start();
    try {
      const key = isOrdered ? keyOf(message) : undefined;
      const leave = key === undefined ? undefined : await turns.enter(key);
      try {
        await settle(message, await handle(message, deliveries));
      } finally {
        leave?.();
      }
    } finally {
      open.end();
    }
  };

  /** Most events need no more than this. With few promises, a sixth more events are handled in a second. */
  const receiveAtOnce = (message: Received, deliveries: number): void => {
    open.start();
    void deliver(deliveryOf(message, deliveries)).then((outcome) => {
      if (outcome.is === 'done' && !ending.aborted && channel.active) {
        acknowledgements.add(message.deliveryTag);
        open.end();
      } else void settle(message, outcome).finally(open.end);
    });
  };

  const receive = (message: Received): void => {
    acknowledgements.open(message.deliveryTag);
    if (ending.aborted) {
      giveBack(message);
      return;
    }
    const deliveries = countOf(message);
    if (isOrdered || deliveries >= SUSPECT_FROM) void receiveInTurn(message, deliveries);
    else receiveAtOnce(message, deliveries);
  };

  /** The end of the channel, once nothing is open on it. */
  const closeWhenIdle = async (): Promise<void> => {
    await open.idle();
    await decided.idle();
    await acknowledgements.written();
    await closeChannel(channel);
  };

  const begin = async (): Promise<void> => {
    channel.once('close', () => {
      gone.abort(new Error('The delivery is lost: its channel to RabbitMQ has ended'));
      hasEnded();
      isOver();
    });
    channel.on('basic.cancel', (tag) => {
      if (tag !== consumerTag) return;
      // The queue was deleted. What runs may end, and its outcome is carried out.
      isOver();
      void closeWhenIdle();
    });
    if (present) {
      await channel.queueDeclare(present);
      await channel.basicConsume({ queue: present.queue, noAck: true }, () => {});
    }
    const prefetchCount = isOrdered ? Math.min(spec.concurrency * AHEAD, MAX_PREFETCH) : spec.concurrency;
    await channel.basicQos({ prefetchCount: Math.max(prefetchCount, spec.concurrency) });
    ({ consumerTag } = await measured(channel.basicConsume({ queue }, receive)));
  };

  /** Resolves when no delivery will start any more. */
  const stop = async (): Promise<void> => {
    if (stopping.signal.aborted) return;
    stopping.abort();
    isOver();
    // To cancel would start another process beside what still runs here.
    const settled = isKept ? pause(writeMs()) : cancel().catch(() => {});
    acknowledgements.pace(settled, writeMs);
    if (!isKept) await settled;
    void closeWhenIdle();
  };

  /** Gives back what is open, after what was decided is carried out. */
  const close = async (): Promise<void> => {
    await stop();
    // What was decided just now is told here at the end of this turn of the event loop.
    await new Promise(setImmediate);
    await within(CARRY_OUT_MS, decided.idle(), () => {});
    gone.abort(new Error('The delivery is given back: the transport is closed'));
    if (!isKept) acknowledgements.giveBackOpen();
    await within(ACKNOWLEDGE_MS, acknowledgements.written(), acknowledgements.flush);
    await closeChannel(channel);
  };

  try {
    await begin();
  } catch (error) {
    await closeChannel(channel);
    throw error;
  }
  return { over, ended, stop, close };
};
