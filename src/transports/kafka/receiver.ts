import type { BaseOptions } from '@platformatic/kafka';
import { withTimeLimit } from '../../core/flights.ts';
import type { Delivery } from '../../core/transport.ts';
import { within } from '../../transport/index.ts';
import { closeConsumer, createConsumer, type KafkaConsumer, type KafkaMessage, toDelivery } from './client.ts';
import { createOffsets, type Offsets } from './offsets.ts';

export interface ReceiverSettings {
  readonly options: BaseOptions;
  readonly group: string;
  readonly prefetch: number;
  readonly broadcast: boolean;
  readonly sessionTimeoutMs: number;
}

type Deliver = (delivery: Delivery) => Promise<void>;

export const NOT_BEFORE = 'mapbus-not-before';
const COMMIT_MS = 100;
const LEAVE_MS = 2_000;
const JOIN_MS = 15_000;
/** A consumer that has partitions and has not asked for events for so long has stopped in silence. */
const STALLED_MS = 20_000;
/** How many failed events wait for their time in this process. */
const MAX_WAITING = 1_000;

const after = (delayMs: number) => new Promise<void>((resolve) => setTimeout(resolve, delayMs));

/** Counts what is in handlers and what waits for its time, and holds the stream when either is too much. */
const createGauge = (prefetch: number, hold: () => void, go: () => void) => {
  let handling = 0;
  let waiting = 0;
  const change = (handlingBy: number, waitingBy: number) => {
    handling += handlingBy;
    waiting += waitingBy;
    if (handling >= prefetch || waiting >= MAX_WAITING) hold();
    else go();
  };
  return { change, count: () => handling + waiting };
};

/** How far each partition of ours has been handled, and told the broker so. */
const createPositions = (consumer: KafkaConsumer) => {
  const partitions = new Map<string, { topic: string; partition: number; offsets: Offsets }>();

  // What is in hand of a partition that is lost comes again, to whoever has it now.
  consumer.on('consumer:group:join', ({ assignments = [] }) => {
    const kept = new Set(assignments.flatMap(({ topic, partitions: own }) => own.map((index) => `${topic}:${index}`)));
    for (const key of partitions.keys()) if (!kept.has(key)) partitions.delete(key);
  });

  const commit = async () => {
    const due = [...partitions.values()].flatMap(({ topic, partition, offsets }) => {
      const offset = offsets.toCommit();
      return offset === undefined ? [] : [{ topic, partition, offset, leaderEpoch: -1, offsets }];
    });
    if (due.length === 0) return;
    await consumer.commit({ offsets: due.map(({ offsets: _, ...position }) => position) });
    for (const { offsets, offset } of due) offsets.commit(offset);
  };
  const positionOf = ({ topic, partition }: KafkaMessage): Offsets => {
    const key = `${topic}:${partition}`;
    const entry = partitions.get(key) ?? { topic, partition, offsets: createOffsets() };
    partitions.set(key, entry);
    return entry.offsets;
  };
  return { positionOf, commit };
};

/** One membership of the group, until it ends or is ended. */
export const join = async (
  { options, group, prefetch, broadcast, sessionTimeoutMs }: ReceiverSettings,
  topics: readonly string[],
  deliver: Deliver,
  onEnd: (error: unknown) => void,
) => {
  const consumer = createConsumer(options, group, sessionTimeoutMs);
  const fallbackMode = broadcast ? 'latest' : 'earliest';
  const consuming = consumer.consume({ topics: [...topics], mode: 'committed', fallbackMode });
  // After a broker was killed, the client may wait for an answer for ever.
  const late = () => new Error(`The group has not been joined within ${JOIN_MS} ms`);
  const stream = await within(JOIN_MS, consuming, late).catch((error) => {
    void closeConsumer(consumer);
    throw error;
  });
  const { positionOf, commit } = createPositions(consumer);
  let stopping = false;
  const gauge = createGauge(
    prefetch,
    () => stream.pause(),
    () => !stopping && stream.resume(),
  );

  let fetchedAt = Date.now();
  stream.on('fetch', () => {
    fetchedAt = Date.now();
  });
  const watch = () => {
    const mayFetch = !stopping && !stream.isPaused() && (consumer.assignments?.length ?? 0) > 0;
    if (!mayFetch) fetchedAt = Date.now();
    else if (Date.now() - fetchedAt > STALLED_MS) onEnd(new Error('The consumer has stopped fetching'));
  };
  // What could not be committed is due again the next time.
  const committing = setInterval(() => {
    watch();
    commit().catch(() => {});
  }, COMMIT_MS);

  const handle = async (message: KafkaMessage) => {
    const offsets = positionOf(message);
    if (!offsets.take(message.offset)) return;
    const delivery = toDelivery(message);
    const waitMs = Number(delivery.headers[NOT_BEFORE] ?? 0) - Date.now();
    if (waitMs > 0) {
      gauge.change(0, 1);
      await after(waitMs);
      gauge.change(0, -1);
    }
    if (stopping) return;
    gauge.change(1, 0);
    // A log has no way to give an event back: it is handed on again until its retry or dead letter is safe.
    while (
      !(await deliver(delivery).then(
        () => true,
        () => stopping,
      ))
    );
    gauge.change(-1, 0);
    offsets.finish(message.offset);
  };
  stream.on('data', (message) => void handle(message));
  stream.on('error', onEnd);
  stream.on('close', () => stopping || onEnd(new Error('The stream of the consumer has ended')));

  // Bounded, since a broker that is away would hold it up by all its time limits, one after another.
  const leave = async () => {
    stopping = true;
    stream.pause();
    clearInterval(committing);
    const left = commit()
      .catch(() => {})
      .then(() => closeConsumer(consumer));
    await withTimeLimit(left, LEAVE_MS);
  };
  const drain = async () => {
    stopping = true;
    stream.pause();
    while (gauge.count() > 0) await after(10);
  };
  return { leave, drain };
};
