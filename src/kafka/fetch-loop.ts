import type { ClusterMetadata } from '@platformatic/kafka';
import { sleep } from '../shared/sleep.ts';
import type { Client, ConsumerClient } from './client.ts';
import { type FetchResponse, readPartition } from './committed-batches.ts';
import { isUnknownTopic } from './errors.ts';
import type { StoredRecord } from './records.ts';

/** Where a partition is read next. */
export interface Cursor {
  readonly topic: string;
  readonly partition: number;
  next: bigint;
}

export interface FetchLoopParts<Place extends Cursor> {
  readonly reader: Client<ConsumerClient>;
  /** What is to be read now. Asked before each fetch. */
  readonly cursors: () => readonly Place[];
  /** Gets the records of a partition, and sets where it is read next. */
  readonly take: (cursor: Place, records: readonly StoredRecord[], next: bigint) => void;
  /** Called when the log does not have what is to be read; sets where it is read next. */
  readonly outOfRange: (cursor: Place) => Promise<void>;
  /** Called when a broker does not know a topic. It may be gone, or the broker may have just started. */
  readonly topicMissing: (topic: string) => Promise<void>;
  /** Called when a topic is another one than before. */
  readonly topicChanged: (topic: string) => Promise<void>;
  /** Called with what is known of the topics, each time that they were looked at. */
  readonly looked?: ((metadata: ClusterMetadata) => void) | undefined;
  readonly trouble: (error: unknown) => void;
  /** Milliseconds after which the topics are looked at again. */
  readonly metadataMs: number;
}

/** How long a broker waits for new records before it answers. Partitions that come in between wait as long. */
const MAX_WAIT_MS = 500;
const MAX_BYTES = 10 * 1024 * 1024;
const MAX_PARTITION_BYTES = 1024 * 1024;
const PAUSE_MS = 300;

const OFFSET_OUT_OF_RANGE = 1;
/** The topic or its leader are others than the client knows. */
const IS_STALE = new Set([3, 5, 6, 9, 74, 75, 76, 100, 103]);

/** The answer that an error of single partitions comes with. */
const responseOf = (error: unknown): FetchResponse | undefined => {
  const response: unknown = error instanceof Error ? Reflect.get(error, 'response') : undefined;
  return typeof response === 'object' && response !== null && 'responses' in response
    ? (response as FetchResponse)
    : undefined;
};

/** Fetches the partitions that are asked for, from the brokers that lead them, with one request at a time for each broker. */
export const createFetchLoop = <Place extends Cursor>(parts: FetchLoopParts<Place>) => {
  const { reader, cursors, take, outOfRange, topicMissing, topicChanged, looked, trouble, metadataMs } = parts;
  const stopped = new AbortController();
  const busy = new Set<number>();
  const ids = new Map<string, string>();
  let metadata: ClusterMetadata | undefined;
  let lookedAt = 0;
  let fetchedAt = performance.now();
  let isLooking = false;

  const lookAtOne = async (topic: string): Promise<void> => {
    try {
      await reader.client.metadata({ topics: [topic], forceUpdate: true });
    } catch (error) {
      if (!isUnknownTopic(error)) throw error;
      await topicMissing(topic);
    }
  };
  const noteIds = async (found: ClusterMetadata): Promise<void> => {
    for (const [topic, known] of found.topics) {
      const before = ids.get(topic);
      ids.set(topic, known.id);
      if (before !== undefined && before !== known.id) await topicChanged(topic);
    }
  };
  const look = async (topics: readonly string[]): Promise<void> => {
    try {
      metadata = await reader.client.metadata({ topics: [...topics], forceUpdate: true });
    } catch (error) {
      if (!isUnknownTopic(error)) throw error;
      for (const topic of topics) await lookAtOne(topic);
      metadata = await reader.client.metadata({ topics: [...topics], forceUpdate: true });
    }
    lookedAt = performance.now();
    await noteIds(metadata);
    looked?.(metadata);
  };

  const readResponse = async (response: FetchResponse, asked: readonly Place[]): Promise<boolean> => {
    const names = new Map([...ids].map(([name, id]) => [id, name]));
    let isFine = true;
    for (const { topicId, partitions } of response.responses) {
      const topic = names.get(topicId);
      for (const partition of partitions) {
        const cursor = asked.find((each) => each.topic === topic && each.partition === partition.partitionIndex);
        if (!cursor) continue;
        const { errorCode } = partition;
        if (errorCode === OFFSET_OUT_OF_RANGE) await outOfRange(cursor);
        else if (errorCode !== 0) {
          isFine = false;
          if (IS_STALE.has(errorCode)) lookedAt = 0;
        } else {
          const { records, next } = readPartition(partition, cursor.next);
          if (next > cursor.next) take(cursor, records, next);
        }
      }
    }
    return isFine;
  };

  const request = (asked: readonly Place[]) => {
    const topics = [...new Set(asked.map(({ topic }) => topic))];
    return topics.map((topic) => ({
      topicId: ids.get(topic) ?? '',
      partitions: asked
        .filter((cursor) => cursor.topic === topic)
        .map(({ partition, next }) => ({
          partition,
          currentLeaderEpoch: -1,
          fetchOffset: next,
          lastFetchedEpoch: -1,
          partitionMaxBytes: MAX_PARTITION_BYTES,
        })),
    }));
  };
  const fetchFrom = async (node: number, asked: readonly Place[]): Promise<void> => {
    const fetch = async (list: readonly Place[]) => {
      try {
        const limits = { maxWaitTime: MAX_WAIT_MS, minBytes: 1, maxBytes: MAX_BYTES, isolationLevel: 1 };
        return await reader.client.fetch({ node, topics: request(list), ...limits });
      } catch (error) {
        const response = responseOf(error);
        if (response) return response;
        throw error;
      }
    };
    const response = await fetch(asked);
    if (stopped.signal.aborted) return;
    fetchedAt = performance.now();
    if (!(await readResponse(response, asked))) await sleep(PAUSE_MS, stopped.signal);
  };

  const failed = async (error: unknown): Promise<void> => {
    if (stopped.signal.aborted) return;
    trouble(error);
    lookedAt = 0;
    await sleep(PAUSE_MS, stopped.signal);
  };

  const lookIfDue = async (topics: readonly string[]): Promise<void> => {
    const isNew = topics.some((topic) => !metadata?.topics.get(topic));
    if (!isNew && performance.now() - lookedAt < metadataMs) return;
    isLooking = true;
    await look(topics).catch(failed);
    isLooking = false;
    wake();
  };

  /** Starts what can be fetched now. Called whenever that may have changed. */
  const wake = (): void => {
    if (stopped.signal.aborted || isLooking) return;
    const wanted = cursors();
    if (wanted.length === 0) return;
    const topics = [...new Set(wanted.map(({ topic }) => topic))].sort();
    const isKnown = topics.every((topic) => metadata?.topics.get(topic));
    if (!isKnown || performance.now() - lookedAt >= metadataMs) {
      void lookIfDue(topics);
      return;
    }
    const byNode = new Map<number, Place[]>();
    for (const cursor of wanted) {
      const leader = metadata?.topics.get(cursor.topic)?.partitions[cursor.partition]?.leader ?? -1;
      if (leader < 0) lookedAt = Math.min(lookedAt, performance.now() - metadataMs + PAUSE_MS);
      else byNode.set(leader, [...(byNode.get(leader) ?? []), cursor]);
    }
    for (const [node, list] of byNode) {
      if (busy.has(node)) continue;
      busy.add(node);
      void fetchFrom(node, list)
        .catch(failed)
        .finally(() => {
          busy.delete(node);
          wake();
        });
    }
  };
  // Without a wish there is no fetch whose end would look again.
  const timer = setInterval(wake, MAX_WAIT_MS);
  const stop = () => {
    stopped.abort();
    clearInterval(timer);
  };
  /** Milliseconds since a broker has answered a fetch, or since nothing was to be fetched. */
  const silentMs = (): number => {
    if (cursors().length === 0) fetchedAt = performance.now();
    return performance.now() - fetchedAt;
  };
  return { wake, stop, silentMs };
};

export type FetchLoop = ReturnType<typeof createFetchLoop>;
