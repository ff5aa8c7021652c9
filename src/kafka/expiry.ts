import type { ConnectionContext, ConsumerSpec } from '../transport/index.ts';
import type { Client, ConsumerClient } from './client.ts';
import { type GroupOffsets, offsetOf } from './group-offsets.ts';
import type { Names } from './names.ts';
import { readLog } from './read-log.ts';
import type { NewRecord } from './records.ts';
import type { Topics } from './topics.ts';
import { forgetRemoval, forgetUse, noteUsage, removalRecord, type Usage, type Use, useRecord } from './usage.ts';

export interface ExpiryParts {
  readonly names: Names;
  readonly topics: Topics;
  readonly offsets: GroupOffsets;
  /** Makes the usage topic, if it is missing. */
  readonly declare: () => Promise<void>;
  readonly createReader: () => Client<ConsumerClient>;
  readonly write: (record: NewRecord) => Promise<void>;
  readonly report: ConnectionContext['report'];
  readonly trouble: (error: unknown) => void;
}

const MIN_INTERVAL_MS = 1_000;
const MAX_INTERVAL_MS = 6 * 60 * 60 * 1_000;
/** A process that has just started is not in its groups yet. */
const MIN_GRACE_MS = 10_000;

type Expiring = Pick<ConsumerSpec, 'consumer' | 'expiresAfterMs'>;

/** How often the use of a consumer is noted. */
const intervalOf = (expiresAfterMs: number): number =>
  Math.min(Math.max(expiresAfterMs / 4, MIN_INTERVAL_MS), MAX_INTERVAL_MS);

/** A process may have gone on for an interval after its last note. */
const isOver = ({ at, expiresAfterMs }: Use): boolean =>
  Date.now() - at > expiresAfterMs + Math.max(intervalOf(expiresAfterMs), MIN_GRACE_MS);

/**
 * Removes the consumers of the service that no process has run for too long.
 *
 * One process may remove a consumer while another starts it. They agree by the order of records in one partition. The
 * remover writes which record of use it has seen last, and the id of the retry topic. The removal counts if no record of use
 * is between the two. A process that starts the consumer writes its use first, and then reads:
 * - If its use is before the removal, the removal does not count, and the consumer stays as it is.
 * - If the removal is first, the process carries it out itself, and begins as a new consumer, with another retry topic.
 *   A remover that goes on late then deletes a topic by an id that does not exist any more.
 * A late remover may still delete the group, if nobody is in it yet. A consumer with a retry topic and without a group
 * begins at the oldest event: some come twice, and none is lost.
 */
export const createExpiry = (parts: ExpiryParts) => {
  const { names, topics, offsets, declare, createReader, write, report, trouble } = parts;
  const { usageTopic } = names;
  const usages = new Map<string, Usage>();
  /** What this process runs, and what it takes over. */
  const own = new Map<string, Expiring & { usedAt: number | undefined }>();
  let seen = 0n;
  let turn: Promise<unknown> = Promise.resolve();
  let due: Promise<void> | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isWorking = false;
  let isClosed = false;

  const read = async (): Promise<void> => {
    const [starts, ends] = [await offsets.starts([usageTopic]), await offsets.ends([usageTopic])];
    const start = offsetOf(starts, usageTopic, 0) ?? 0n;
    const end = offsetOf(ends, usageTopic, 0) ?? 0n;
    const isAnew = end < seen;
    if (isAnew || seen === 0n) usages.clear();
    const from = isAnew || seen < start ? start : seen;
    // Read again from the beginning, if this fails in the middle.
    seen = 0n;
    const reader = createReader();
    try {
      await readLog(reader, usageTopic, 0, from, end, (record) => noteUsage(usages, record));
      seen = end;
    } finally {
      await reader.close();
    }
  };
  /** Resolves when everything is read that was written before. */
  const look = (): Promise<void> => {
    if (due) return due;
    const looking = turn.then(() => {
      due = undefined;
      return declare().then(read);
    });
    due = looking;
    // It may have been deleted.
    turn = looking.catch(() => topics.forget(usageTopic));
    return looking;
  };

  /** Removes what a removal that counts is about. Resolves with whether that was this call. */
  const remove = async (consumer: string, topicId: string): Promise<boolean> => {
    const topic = names.retryTopic(consumer);
    if ((await topics.idOf(topic)) !== topicId) return false;
    if (!(await offsets.remove(names.group(consumer)))) {
      // A process runs it that was away for longer than it may be.
      await write(forgetRemoval(usageTopic, consumer));
      return false;
    }
    if (await topics.removeById(topic, topicId)) {
      report('warn', 'event_consumer_removed', { consumer });
      return true;
    }
    report('warn', 'event_topic_not_removed', { topic });
    return false;
  };

  const noteUse = async ({ consumer, expiresAfterMs }: Expiring): Promise<void> => {
    const known = own.get(consumer);
    const now = performance.now();
    if (known?.usedAt !== undefined && now - known.usedAt < intervalOf(expiresAfterMs) / 2) return;
    own.set(consumer, { consumer, expiresAfterMs, usedAt: undefined });
    await declare();
    await write(useRecord(usageTopic, consumer, expiresAfterMs));
    await look();
    const removes = usages.get(consumer)?.removes;
    if (removes !== undefined) await remove(consumer, removes);
    own.set(consumer, { consumer, expiresAfterMs, usedAt: now });
  };
  /** Says that this process runs a consumer, before anything of it is looked at. */
  const use = async ({ consumer, expiresAfterMs, formerly }: ConsumerSpec): Promise<void> => {
    const all = [consumer, ...(formerly === undefined ? [] : [formerly])];
    await Promise.all(all.map((each) => noteUse({ consumer: each, expiresAfterMs })));
  };

  const removeIfOver = async (consumer: string, used: Use): Promise<void> => {
    const topicId = await topics.idOf(names.retryTopic(consumer));
    if (topicId === undefined) {
      await write(forgetUse(usageTopic, consumer));
      await write(forgetRemoval(usageTopic, consumer));
      return;
    }
    if (await offsets.hasMembers(names.group(consumer))) {
      // It could not note that itself.
      await write(useRecord(usageTopic, consumer, used.expiresAfterMs));
      return;
    }
    await write(removalRecord(usageTopic, consumer, topicId, used));
    await look();
    if (usages.get(consumer)?.removes === topicId) await remove(consumer, topicId);
  };
  const removeExpired = async (): Promise<void> => {
    await look();
    for (const [consumer, { used }] of [...usages]) {
      if (isClosed) return;
      if (used && isOver(used) && !own.has(consumer)) await removeIfOver(consumer, used).catch(trouble);
    }
  };

  const work = async (): Promise<void> => {
    isWorking = true;
    try {
      await Promise.all([...own.values()].map(noteUse));
      await removeExpired();
    } catch (error) {
      if (!isClosed) trouble(error);
    }
    isWorking = false;
    if (isClosed || own.size === 0) return;
    const intervals = [...own.values()].map(({ expiresAfterMs }) => intervalOf(expiresAfterMs));
    timer = setTimeout(work, Math.min(...intervals));
    timer.unref();
  };
  /** Looks for what is to be removed, now and from time to time. */
  const start = (): void => {
    if (isWorking || isClosed) return;
    clearTimeout(timer);
    void work();
  };
  const close = (): void => {
    isClosed = true;
    clearTimeout(timer);
  };

  /** When each consumer was last run. Makes no topic. */
  const lastUses = async (): Promise<ReadonlyMap<string, number>> => {
    if (!(await topics.exists(usageTopic))) return new Map();
    await look();
    return new Map([...usages].flatMap(([consumer, { used }]) => (used ? [[consumer, used.at] as const] : [])));
  };

  /**
   * Removes a consumer for an operator, by the same agreement: nobody may be in its group, and nobody may have started it
   * meanwhile. Resolves with whether it was there and is gone.
   */
  const removeNow = async (consumer: string): Promise<boolean> => {
    const topicId = await topics.idOf(names.retryTopic(consumer));
    if (topicId === undefined) return false;
    await look();
    const used = usages.get(consumer)?.used;
    if (used) {
      await write(removalRecord(usageTopic, consumer, topicId, used));
      await look();
      if (usages.get(consumer)?.removes !== topicId) return false;
    }
    return remove(consumer, topicId);
  };

  return { use, start, close, lastUses, removeNow };
};
