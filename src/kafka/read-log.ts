import type { Client, ConsumerClient } from './client.ts';
import { readPartition } from './committed-batches.ts';
import type { StoredRecord } from './records.ts';
import { whenReady } from './trying.ts';

const LIMITS = { maxWaitTime: 500, minBytes: 1, maxBytes: 10 * 1024 * 1024, isolationLevel: 1 };

/** Reads a partition from one offset to another. In no group, so that it leaves nothing behind. */
export const readLog = async (
  { client }: Client<ConsumerClient>,
  topic: string,
  index: number,
  from: bigint,
  to: bigint,
  visit: (record: StoredRecord) => void,
): Promise<void> => {
  const { topics } = await whenReady(() => client.metadata({ topics: [topic], forceUpdate: true }));
  const known = topics.get(topic);
  const node = known?.partitions[index]?.leader ?? -1;
  for (let next = from; known && next < to; ) {
    const place = {
      partition: index,
      currentLeaderEpoch: -1,
      fetchOffset: next,
      lastFetchedEpoch: -1,
      partitionMaxBytes: LIMITS.maxBytes,
    };
    const { responses } = await client.fetch({ node, topics: [{ topicId: known.id, partitions: [place] }], ...LIMITS });
    const [partition] = responses.flatMap(({ partitions }) => partitions);
    if (!partition) continue;
    const read = readPartition(partition, next);
    for (const record of read.records) if (record.offset < to) visit(record);
    next = read.next;
  }
};
