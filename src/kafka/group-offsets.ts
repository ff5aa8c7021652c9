import type { Admin } from '@platformatic/kafka';
import { isOneOf } from './errors.ts';
import { whenReady } from './trying.ts';

/** Offsets by topic and partition. */
export type OffsetsByTopic = ReadonlyMap<string, ReadonlyMap<number, bigint>>;

const EARLIEST = -2n;
const LATEST = -1n;

export const offsetOf = (offsets: OffsetsByTopic, topic: string, partition: number): bigint | undefined =>
  offsets.get(topic)?.get(partition);

/** How many partitions a topic has now. Rejects if the broker does not know the topic. */
export const partitionsOf = async (admin: Admin, topic: string): Promise<number> => {
  const { topics } = await admin.metadata({ topics: [topic], forceUpdate: true });
  return topics.get(topic)?.partitionsCount ?? 0;
};

/** Reads and writes the offsets of logs and groups, without being in a group. */
export const createGroupOffsets = (admin: Admin) => {
  const list = async (topics: readonly string[], timestamp: bigint): Promise<OffsetsByTopic> => {
    if (topics.length === 0) return new Map();
    const asked = await Promise.all(
      topics.map(async (name) => ({
        name,
        partitions: Array.from({ length: await partitionsOf(admin, name) }, (_, partitionIndex) => ({
          partitionIndex,
          timestamp,
        })),
      })),
    );
    const found = await admin.listOffsets({ topics: asked });
    return new Map(
      found.map(({ name, partitions }) => [
        name,
        new Map(partitions.map(({ partitionIndex, offset }) => [partitionIndex, offset])),
      ]),
    );
  };

  /** Where the logs end now. */
  const ends = (topics: readonly string[]) => whenReady(() => list(topics, LATEST));
  /** Where the logs begin now: retention cuts them. */
  const starts = (topics: readonly string[]) => whenReady(() => list(topics, EARLIEST));

  const fetchGroup = async (groupId: string) => {
    const ask = async () => {
      try {
        return await admin.listConsumerGroupOffsets({ groups: [groupId] });
      } catch (error) {
        if (isOneOf(error, /GROUP_ID_NOT_FOUND/)) return [];
        throw error;
      }
    };
    const [group] = await whenReady(ask);
    return group?.topics ?? [];
  };
  /** Only what was committed. */
  const committed = async (groupId: string): Promise<OffsetsByTopic> => {
    const entries = (await fetchGroup(groupId)).map(({ name, partitions }) => {
      const known = partitions.filter(({ committedOffset }) => committedOffset >= 0n);
      return [
        name,
        new Map(known.map(({ partitionIndex, committedOffset }) => [partitionIndex, committedOffset])),
      ] as const;
    });
    return new Map(entries.filter(([, offsets]) => offsets.size > 0));
  };

  /** What was committed beside the offsets, by topic and partition. */
  const notes = async (groupId: string): Promise<ReadonlyMap<string, ReadonlyMap<number, string>>> =>
    new Map(
      (await fetchGroup(groupId)).map(({ name, partitions }) => [
        name,
        new Map(partitions.map(({ partitionIndex, metadata }) => [partitionIndex, metadata ?? ''])),
      ]),
    );

  /** Resolves with whether it was possible: it is not while anyone is in the group. */
  const alter = async (groupId: string, offsets: OffsetsByTopic): Promise<boolean> => {
    if (offsets.size === 0) return true;
    const topics = [...offsets].map(([name, partitions]) => ({
      name,
      partitionOffsets: [...partitions].map(([partition, offset]) => ({ partition, offset })),
    }));
    try {
      await whenReady(() => admin.alterConsumerGroupOffsets({ groupId, topics }));
      return true;
    } catch (error) {
      if (isOneOf(error, /UNKNOWN_MEMBER_ID|REBALANCE_IN_PROGRESS/)) return false;
      throw error;
    }
  };

  /** Forgets topics. Those that a member still subscribes to are kept. */
  const forget = async (groupId: string, offsets: OffsetsByTopic): Promise<void> => {
    for (const [name, partitions] of offsets) {
      try {
        await admin.deleteConsumerGroupOffsets({
          groupId,
          topics: [{ name, partitionIndexes: [...partitions.keys()] }],
        });
      } catch (error) {
        if (!isOneOf(error, /GROUP_SUBSCRIBED_TO_TOPIC|GROUP_ID_NOT_FOUND|UNKNOWN_TOPIC/)) throw error;
      }
    }
  };

  /** Resolves with whether the group is gone: it is not while anyone is in it. */
  const remove = async (groupId: string): Promise<boolean> => {
    try {
      await whenReady(() => admin.deleteGroups({ groups: [groupId] }));
      return true;
    } catch (error) {
      if (isOneOf(error, /NON_EMPTY_GROUP/)) return false;
      if (isOneOf(error, /GROUP_ID_NOT_FOUND/)) return true;
      throw error;
    }
  };

  const countMembers = async (groupId: string): Promise<number> => {
    try {
      const groups = await whenReady(() => admin.describeGroups({ groups: [groupId] }));
      return groups.get(groupId)?.members.size ?? 0;
    } catch (error) {
      if (isOneOf(error, /GROUP_ID_NOT_FOUND/)) return 0;
      throw error;
    }
  };
  const hasMembers = async (groupId: string): Promise<boolean> => (await countMembers(groupId)) > 0;

  return { ends, starts, committed, notes, alter, forget, remove, countMembers, hasMembers };
};

export type GroupOffsets = ReturnType<typeof createGroupOffsets>;
