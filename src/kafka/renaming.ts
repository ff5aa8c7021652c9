import type { ConnectionContext } from '../transport/index.ts';
import type { Client, ConsumerClient } from './client.ts';
import { renameOf } from './dead-letters.ts';
import { type GroupOffsets, offsetOf } from './group-offsets.ts';
import type { Names } from './names.ts';
import { readLog } from './read-log.ts';
import { bodyOf, headersOf, keyOf, type NewRecord, type StoredRecord, toBuffer } from './records.ts';
import type { Topics } from './topics.ts';

export interface RenamingParts {
  readonly names: Names;
  readonly topics: Topics;
  readonly offsets: GroupOffsets;
  readonly createReader: () => Client<ConsumerClient>;
  readonly write: (record: NewRecord) => Promise<void>;
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
export const createRenaming = ({ names, topics, offsets, createReader, write, report }: RenamingParts) => {
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

  /** Moves what waits for its retry, and removes the topic of the former name. */
  const moveRetries = async (consumer: string, formerly: string): Promise<void> => {
    const former = names.retryTopic(formerly);
    if (!(await topics.exists(former))) return;
    if (!(await offsets.remove(names.group(formerly)))) return;
    // Its dead letters keep the former name.
    await write(renameOf(names.deadTopic, formerly, consumer));
    // The position of the former name was copied, also that of its retries.
    await copyRetries(former, names.retryTopic(consumer), names.group(consumer));
    if (!(await topics.remove(former))) {
      report('warn', 'event_topic_not_removed', { topic: former });
      // What was moved is not moved again.
      await offsets.alter(names.group(consumer), await offsets.ends([former]));
    }
  };

  return { takeOver, moveRetries };
};

export type Renaming = ReturnType<typeof createRenaming>;
