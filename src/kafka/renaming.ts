import type { ConnectionContext } from '../transport/index.ts';
import type { Client, ConsumerClient } from './client.ts';
import { renameRecord } from './consumer-state.ts';
import type { DeadLetters } from './dead-letters.ts';
import { type GroupOffsets, offsetOf } from './group-offsets.ts';
import type { Names } from './names.ts';
import { readLog } from './read-log.ts';
import { bodyOf, headersOf, keyOf, type NewRecord, type StoredRecord, toBuffer } from './records.ts';
import type { Topics } from './topics.ts';

export interface RenamingParts {
  readonly names: Names;
  readonly topics: Topics;
  readonly offsets: GroupOffsets;
  readonly deadLetters: DeadLetters;
  readonly createReader: () => Client<ConsumerClient>;
  readonly write: (record: NewRecord) => Promise<void>;
  /** Does work once what another process has begun must have ended. */
  readonly later: (work: () => Promise<void>) => void;
  readonly report: ConnectionContext['report'];
}

const copyOf = (record: StoredRecord, topic: string): NewRecord => {
  const key = keyOf(record);
  return {
    topic,
    value: toBuffer(bodyOf(record)),
    headers: headersOf(record),
    ...(key !== undefined && { key: Buffer.from(key) }),
  };
};

/** Gives what a consumer had under its former name to its present one. Nobody may run the former name at that time. */
export const createRenaming = (parts: RenamingParts) => {
  const { names, topics, offsets, deadLetters, createReader, write, later, report } = parts;

  /**
   * Gives the position of the former name to a consumer. Resolves with `false` while a process runs the former name. The
   * copy is written first, so that a process that dies here loses nothing.
   */
  const takeOver = async (consumer: string, formerly: string): Promise<boolean> => {
    // While a process is in the group, its position is not the last one: another process may begin at it, and read again.
    if (await offsets.hasMembers(names.group(formerly))) return false;
    const position = await offsets.committed(names.group(formerly));
    if (position.size === 0) return true;
    // Someone is in the group: it has taken over before.
    if (!(await offsets.alter(names.group(consumer), position))) return true;
    return offsets.remove(names.group(formerly));
  };

  const copyRetries = async (former: string, topic: string, group: string): Promise<void> => {
    const [handled, starts, ends] = [
      await offsets.committed(group),
      await offsets.starts([former]),
      await offsets.ends([former]),
    ];
    const reader = createReader();
    try {
      for (const [partition, end] of ends.get(former) ?? []) {
        const start = offsetOf(starts, former, partition) ?? 0n;
        const known = offsetOf(handled, former, partition) ?? start;
        const found: StoredRecord[] = [];
        await readLog(reader, former, partition, known > start ? known : start, end, (record) => found.push(record));
        for (const record of found) await write(copyOf(record, topic));
      }
    } finally {
      await reader.close();
    }
  };

  /** What waits in the old topic is copied once, however often processes start. */
  const move = async (consumer: string, formerly: string): Promise<void> => {
    const former = names.retryTopic(formerly);
    const known = await deadLetters.stateOf(formerly);
    if (known?.renamedTo !== consumer || !known.isMoved) {
      // Its dead letters keep the former name. A process that starts it again from here on begins anew.
      await write(renameRecord(names.deadTopic, formerly, consumer, false));
      if (!(await offsets.remove(names.group(formerly)))) return;
      // The position of the former name was copied, also that of its retries.
      await copyRetries(former, names.retryTopic(consumer), names.group(consumer));
      await write(renameRecord(names.deadTopic, formerly, consumer, true));
    }
    if (!(await topics.remove(former))) report('warn', 'event_topic_not_removed', { topic: former });
  };

  /** Moves what waits for its retry, and removes the topic of the former name. */
  const moveRetries = async (consumer: string, formerly: string): Promise<void> => {
    if (!(await topics.exists(names.retryTopic(formerly)))) return;
    if (await offsets.hasMembers(names.group(formerly))) return;
    const isDone = await deadLetters.claim(`rename ${formerly}`, () => move(consumer, formerly));
    // The process that does it may die.
    if (!isDone) later(() => moveRetries(consumer, formerly));
  };

  return { takeOver, moveRetries };
};

export type Renaming = ReturnType<typeof createRenaming>;
