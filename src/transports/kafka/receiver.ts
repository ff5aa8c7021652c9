import type { BaseOptions } from '@platformatic/kafka';
import type { Delivery } from '../../core/transport.ts';
import { closeConsumer, createConsumer, type KafkaMessage, toDelivery } from './client.ts';
import { createOffsets, type Offsets } from './offsets.ts';

export interface ReceiverSettings {
  readonly options: BaseOptions;
  readonly group: string;
  readonly prefetch: number;
  readonly broadcast: boolean;
}

type Deliver = (delivery: Delivery) => Promise<void>;

export const NOT_BEFORE = 'mapbus-not-before';
const COMMIT_MS = 100;
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

/** One membership of the group, until it ends or is ended. */
export const join = async (
  { options, group, prefetch, broadcast }: ReceiverSettings,
  topics: readonly string[],
  deliver: Deliver,
  onEnd: (error: unknown) => void,
) => {
  const consumer = createConsumer(options, group);
  const fallbackMode = broadcast ? 'latest' : 'earliest';
  const stream = await consumer
    .consume({ topics: [...topics], mode: 'committed', fallbackMode })
    .catch(async (error) => {
      await closeConsumer(consumer);
      throw error;
    });
  let partitions = new Map<string, { topic: string; partition: number; offsets: Offsets }>();
  let stopping = false;
  const gauge = createGauge(
    prefetch,
    () => stream.pause(),
    () => !stopping && stream.resume(),
  );

  // What is in hand then may come again, to whoever has the partition now.
  consumer.on('consumer:group:join', () => {
    partitions = new Map();
  });

  const commit = async () => {
    const offsets = [...partitions.values()].flatMap(({ topic, partition, offsets: own }) => {
      const offset = own.takeCommittable();
      return offset === undefined ? [] : [{ topic, partition, offset, leaderEpoch: -1 }];
    });
    if (offsets.length > 0) await consumer.commit({ offsets });
  };
  // A commit that fails is made up by the next one, or what it was for comes again.
  const committing = setInterval(() => void commit().catch(() => {}), COMMIT_MS);

  const handle = async (message: KafkaMessage) => {
    const { topic, partition, offset } = message;
    const key = `${topic}:${partition}`;
    const entry = partitions.get(key) ?? { topic, partition, offsets: createOffsets() };
    partitions.set(key, entry);
    entry.offsets.take(offset);
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
    entry.offsets.finish(offset);
  };
  stream.on('data', (message) => void handle(message));
  stream.on('error', onEnd);
  stream.on('close', () => stopping || onEnd(new Error('The stream of the consumer has ended')));

  const leave = async () => {
    stopping = true;
    stream.pause();
    clearInterval(committing);
    await commit().catch(() => {});
    await closeConsumer(consumer);
  };
  const drain = async () => {
    stopping = true;
    stream.pause();
    while (gauge.count() > 0) await after(10);
  };
  return { leave, drain };
};
