import type { OperatorTools, StoredConsumer } from '../transport/index.ts';
import { type GroupOffsets, offsetOf } from './group-offsets.ts';
import type { Names } from './names.ts';

interface Parts {
  readonly names: Names;
  readonly offsets: GroupOffsets;
  readonly listTopics: () => Promise<readonly string[]>;
  /** When each consumer was last run, as far as that is noted. */
  readonly lastUses: () => Promise<ReadonlyMap<string, number>>;
  /** Removes the group and the retry topic of a consumer that nobody runs. Resolves with whether they are gone. */
  readonly removeUnused: (consumer: string) => Promise<boolean>;
  readonly exists: (topic: string) => Promise<boolean>;
  readonly compare: OperatorTools['compare'];
  readonly tail: OperatorTools['tail'];
}

/** What an operator needs. A consumer is there as long as its retry topic is. */
export const createOperator = (parts: Parts): OperatorTools => {
  const { names, offsets, listTopics, lastUses, removeUnused, exists, compare, tail } = parts;

  /** What is behind the position of a group, and the events that it has a position in. */
  const readGroup = async (consumer: string, existing: ReadonlySet<string>) => {
    const committed = await offsets.committed(names.group(consumer));
    const retryTopic = names.retryTopic(consumer);
    const topics = [...new Set([...committed.keys(), retryTopic])].filter((topic) => existing.has(topic));
    const [starts, ends] = [await offsets.starts(topics), await offsets.ends(topics)];
    let waiting = 0n;
    for (const [topic, partitions] of ends)
      for (const [partition, end] of partitions) {
        const start = offsetOf(starts, topic, partition) ?? 0n;
        const position = offsetOf(committed, topic, partition) ?? start;
        waiting += end - (position > start ? position : start);
      }
    const events = [...committed.keys()].flatMap((topic) => names.eventOf(topic) ?? []).sort();
    // Kafka forgets the position of a group seven days after its last process has left.
    return events.length > 0
      ? { names: events, inForce: true, waiting: Number(waiting) }
      : { names: undefined, inForce: existing.has(retryTopic), waiting: undefined };
  };

  const find = async (
    consumer: string,
    existing: ReadonlySet<string>,
    usedAt: number | undefined,
  ): Promise<StoredConsumer> => {
    const processes = await offsets.countMembers(names.group(consumer));
    const isRun = processes > 0;
    const lastSeenAt = isRun ? new Date() : usedAt === undefined ? undefined : new Date(usedAt);
    return { consumer, ...(await readGroup(consumer, existing)), isRun, processes, lastSeenAt };
  };

  const consumers = async (): Promise<StoredConsumer[]> => {
    const existing = new Set(await listTopics());
    const found = [...existing].flatMap((topic) => names.consumerOf(topic) ?? []).sort();
    const uses = await lastUses();
    return Promise.all(found.map((consumer) => find(consumer, existing, uses.get(consumer))));
  };

  const remove = async (consumer: string): Promise<boolean> => {
    const topic = names.retryTopic(consumer);
    if (!(await exists(topic))) return false;
    const processes = await offsets.countMembers(names.group(consumer));
    if (processes > 0) throw new Error(`Cannot remove the consumer ${consumer}: ${processes} processes run it`);
    if (await removeUnused(consumer)) return true;
    throw new Error(
      `Cannot remove the consumer ${consumer}: a process has just started it, or the topic ${topic} may not be deleted`,
    );
  };

  return { consumers, remove, compare, tail };
};
