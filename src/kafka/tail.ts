import type { Receiving } from '../transport/index.ts';
import type { Client, ConsumerClient } from './client.ts';
import { type Cursor, createFetchLoop } from './fetch-loop.ts';
import { type GroupOffsets, offsetOf } from './group-offsets.ts';
import { bodyOf } from './records.ts';

export interface TailParts {
  readonly topics: readonly string[];
  readonly tell: (body: Uint8Array) => void;
  readonly reader: Client<ConsumerClient>;
  readonly offsets: GroupOffsets;
  /** Called when a topic is missing. Resolves with whether it is there again: else it is read no more. */
  readonly remake: (topic: string) => Promise<boolean>;
  readonly trouble: (error: unknown) => void;
  readonly metadataMs: number;
}

/** A tail that can be given more topics. */
export interface Tail extends Receiving {
  /** Reads a new topic too, from its beginning. */
  readonly add: (topic: string) => void;
}

/** Tells what is published from now on. It is in no group and commits nothing, so that nothing is left behind. */
export const startTail = async (parts: TailParts): Promise<Tail> => {
  const { topics, tell, reader, offsets, remake, trouble, metadataMs } = parts;
  const ends = await offsets.ends(topics);
  let cursors: readonly Cursor[] = [...ends].flatMap(([topic, partitions]) =>
    [...partitions].map(([partition, next]) => ({ topic, partition, next })),
  );
  let isStopped = false;

  const toEnd = async (cursor: Cursor): Promise<void> => {
    cursor.next = offsetOf(await offsets.ends([cursor.topic]), cursor.topic, cursor.partition) ?? 0n;
  };
  const loop = createFetchLoop<Cursor>({
    reader,
    cursors: () => (isStopped ? [] : cursors),
    take: (cursor, records, next) => {
      // Before it is told: each event at most once.
      cursor.next = next;
      for (const record of records) if (!isStopped) tell(bodyOf(record));
    },
    outOfRange: toEnd,
    topicMissing: async (topic) => {
      if (!(await remake(topic))) cursors = cursors.filter((cursor) => cursor.topic !== topic);
    },
    topicChanged: async (topic) => {
      cursors = cursors.map((cursor) => (cursor.topic === topic ? { ...cursor, next: 0n } : cursor));
    },
    looked: ({ topics: known }) => {
      for (const [topic, { partitionsCount }] of known) {
        const own = cursors.filter((cursor) => cursor.topic === topic).length;
        const added = Array.from({ length: partitionsCount }, (_, partition) => ({ topic, partition, next: 0n }));
        cursors = [...cursors, ...added.slice(own)];
      }
    },
    trouble,
    metadataMs,
  });
  loop.wake();
  const stop = async (): Promise<void> => {
    if (isStopped) return;
    isStopped = true;
    loop.stop();
    await reader.close();
  };
  const add = (topic: string): void => {
    if (cursors.some((cursor) => cursor.topic === topic)) return;
    // The others are added once the topic was looked at.
    cursors = [...cursors, { topic, partition: 0, next: 0n }];
    loop.wake();
  };
  return { add, stop };
};
