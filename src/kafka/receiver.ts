import { once } from 'node:events';
import type { BaseOptions } from '@platformatic/kafka';
import { after } from '../old-seam/after.ts';
import type { Delivery } from '../old-seam/port.ts';
import { within } from '../old-seam/seam.ts';
import {
  closeConsumer,
  createConsumer,
  type KafkaConsumer,
  type KafkaMessage,
  type KafkaStream,
  toDelivery,
} from './client.ts';
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
/** Events come again that were handled so shortly before their process died. */
const COMMIT_MS = 20;
const LEAVE_MS = 2_000;
const JOIN_MS = 15_000;
const WATCH_MS = 1_000;
/** A consumer that has partitions and has not asked for events for so long has stopped in silence. */
const STALLED_MS = 20_000;
/** How many failed events wait for their time in this process. */
const MAX_WAITING = 1_000;

/** How far each partition of ours has been handled, and told the broker so. */
const createPositions = (consumer: KafkaConsumer) => {
  let topics: ReadonlyMap<string, ReadonlyMap<number, Offsets>> = new Map();
  let committing: ReturnType<typeof setTimeout> | undefined;
  let stopped = false;

  // What is in hand of a partition that is lost comes again, to whoever has it now.
  const assign = (assignments: readonly { topic: string; partitions: number[] }[] | null | undefined) => {
    const offsetsOf = (topic: string, partition: number) => topics.get(topic)?.get(partition) ?? createOffsets();
    topics = new Map(
      (assignments ?? []).map(({ topic, partitions }) => [
        topic,
        new Map(partitions.map((partition) => [partition, offsetsOf(topic, partition)])),
      ]),
    );
  };
  assign(consumer.assignments);
  consumer.on('consumer:group:join', ({ assignments }) => assign(assignments));

  /** Says whether there was anything to say. */
  const commit = async (): Promise<boolean> => {
    const due = [...topics].flatMap(([topic, partitions]) =>
      [...partitions].flatMap(([partition, offsets]) => {
        const offset = offsets.toCommit();
        return offset === undefined ? [] : [{ topic, partition, offset, leaderEpoch: -1, offsets }];
      }),
    );
    if (due.length === 0) return false;
    await consumer.commit({ offsets: due.map(({ offsets: _, ...position }) => position) });
    for (const { offsets, offset } of due) offsets.commit(offset);
    return true;
  };
  // What could not be committed is due again.
  const commitNow = (): Promise<boolean> => commit().catch(() => true);
  const commitSoon = (): void => {
    if (stopped) return;
    committing ??= setTimeout(async () => {
      const more = await commitNow();
      committing = undefined;
      if (more) commitSoon();
    }, COMMIT_MS);
  };
  /** Nothing for a partition that is not ours. */
  const positionOf = ({ topic, partition }: KafkaMessage): Offsets | undefined => topics.get(topic)?.get(partition);
  const stop = async () => {
    stopped = true;
    clearTimeout(committing);
    await commitNow();
  };
  return { positionOf, commitNow, commitSoon, stop };
};

/** Fetches from Kafka stop by themselves when nobody reads, so reading only what there is room for holds them. */
const createIntake = (prefetch: number, next: () => KafkaMessage | null, handle: (message: KafkaMessage) => void) => {
  let handling = 0;
  let waiting = 0;
  let held = false;
  let stopping = false;
  const hasRoom = () => !stopping && handling < prefetch && waiting < MAX_WAITING;
  const read = (): void => {
    while (!held && hasRoom()) {
      const message = next();
      if (!message) return;
      handle(message);
    }
  };
  const change = (handlingBy: number, waitingBy: number): void => {
    handling += handlingBy;
    waiting += waitingBy;
  };
  const hold = () => {
    held = true;
  };
  const release = () => {
    held = false;
    read();
  };
  const stop = () => {
    stopping = true;
  };
  return { read, hold, release, change, stop, hasRoom, isStopping: () => stopping, count: () => handling + waiting };
};

/** Hands an event on once its time has come, and takes note when it has been handled. */
const handle = (
  message: KafkaMessage,
  positions: ReturnType<typeof createPositions>,
  intake: ReturnType<typeof createIntake>,
  deliver: Deliver,
): void => {
  const offsets = positions.positionOf(message);
  const inHand = offsets?.take(message.offset);
  if (!offsets || !inHand) return;
  const delivery = toDelivery(message);
  const finish = () => {
    intake.change(-1, 0);
    offsets.finish(inHand);
    positions.commitSoon();
    intake.read();
  };
  // A log has no way to give an event back: it is handed on again until its retry or dead letter is safe. What is not
  // when the process stops is never committed, and comes again.
  const fail = (): unknown => (intake.isStopping() ? intake.change(-1, 0) : handOn());
  const handOn = () => deliver(delivery).then(finish, fail);
  const begin = (): unknown => {
    // One that has waited may be another's by now.
    if (intake.isStopping() || positions.positionOf(message) !== offsets) return intake.read();
    intake.change(1, 0);
    return handOn();
  };
  const notBefore = delivery.headers[NOT_BEFORE];
  const waitMs = notBefore === undefined ? 0 : Number(notBefore) - Date.now();
  if (waitMs > 0) {
    intake.change(0, 1);
    void after(waitMs).then(() => {
      intake.change(0, -1);
      return begin();
    });
  } else begin();
};

/**
 * Reads each assignment by a stream of its own, from what has been committed. One from before still holds, and still
 * gets, events of partitions that were away in between: past what their other owner has left.
 */
const createSource = (
  open: () => Promise<KafkaStream>,
  { onFetch, onReadable, onEnd }: { onFetch: () => void; onReadable: () => void; onEnd: (error: Error) => void },
) => {
  let current: KafkaStream | undefined;
  let opened = 0;

  const renew = async (): Promise<KafkaStream> => {
    const own = ++opened;
    const before = current;
    current = undefined;
    // In this order: without any stream, the client would leave the topics and join the group once more.
    const stream = await open();
    before?.destroy();
    stream.on('error', (error) => stream === current && onEnd(error));
    if (own !== opened) return stream.destroy();
    current = stream;
    stream.on('close', () => stream === current && onEnd(new Error('The stream of the consumer has ended')));
    stream.on('fetch', onFetch);
    stream.on('readable', onReadable);
    return stream;
  };
  const read = (): KafkaMessage | null => current?.read() ?? null;
  const stop = () => {
    opened++;
    current?.pause();
  };
  return { renew, read, stop };
};

/** Says so when a consumer that has partitions and room has not asked for events for too long. */
const createFetchWatch = (stalledMs: number, mayFetch: () => boolean, onStall: () => void) => {
  let fetchedAt = Date.now();
  const fetched = () => {
    fetchedAt = Date.now();
  };
  const watching = setInterval(() => {
    if (!mayFetch()) fetched();
    else if (Date.now() - fetchedAt > stalledMs) onStall();
  }, WATCH_MS);
  return { fetched, stop: () => clearInterval(watching) };
};

/** Commits where a stream begins. Else one that comes after it, before anything is handled, would begin later. */
const commitStart = async (consumer: KafkaConsumer, stream: KafkaStream): Promise<void> => {
  await once(stream, 'offsets');
  const offsets = (consumer.assignments ?? []).flatMap(({ topic, partitions }) =>
    partitions.map((partition) => {
      const offset = stream.offsetsToFetch.get(`${topic}:${partition}`) ?? 0n;
      return { topic, partition, offset, leaderEpoch: -1 };
    }),
  );
  if (offsets.length > 0) await consumer.commit({ offsets });
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
  const open = () => consumer.consume({ topics: [...topics], mode: 'committed', fallbackMode });
  const positions = createPositions(consumer);

  const mayFetch = () => intake.hasRoom() && (consumer.assignments?.length ?? 0) > 0;
  const onStall = () => onEnd(new Error('The consumer has stopped fetching'));
  const watch = createFetchWatch(STALLED_MS + sessionTimeoutMs * 2, mayFetch, onStall);
  const intake = createIntake(
    prefetch,
    () => source.read(),
    (message) => handle(message, positions, intake, deliver),
  );
  let begun = false;
  const fail = (error: unknown) => {
    if (begun && !intake.isStopping()) onEnd(error);
  };
  const source = createSource(open, { onFetch: watch.fetched, onReadable: intake.read, onEnd: fail });

  const begin = async () => {
    intake.hold();
    const stream = await source.renew();
    // What is handled while the partitions are dealt out anew cannot be committed, and comes again to who has them then.
    consumer.on('consumer:group:rebalance', () => {
      intake.hold();
      void positions.commitNow();
    });
    consumer.on('consumer:group:join', () => {
      source.renew().then(intake.release, fail);
    });
    if (broadcast) await commitStart(consumer, stream);
    begun = true;
    intake.release();
  };
  const stop = () => {
    intake.stop();
    source.stop();
    watch.stop();
  };
  // Bounded, since a broker that is away would hold it up by all its time limits, one after another.
  const leave = async () => {
    stop();
    const left = positions.stop().then(() => closeConsumer(consumer));
    await within(LEAVE_MS, left, () => {});
  };
  const drain = async () => {
    stop();
    while (intake.count() > 0) await after(10);
  };

  // Without a listener, it would end the process when the group cannot be joined again.
  consumer.on('error', fail);
  // After a broker was killed, the client may wait for an answer for ever.
  const late = () => {
    throw new Error(`The group has not been joined within ${JOIN_MS} ms`);
  };
  await within(JOIN_MS, begin(), late).catch((error) => {
    stop();
    void closeConsumer(consumer);
    throw error;
  });
  return { leave, drain };
};
