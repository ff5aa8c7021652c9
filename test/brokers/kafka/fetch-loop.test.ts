import type { ClusterMetadata } from '@platformatic/kafka';
import { expect, it, onTestFinished, vi } from 'vitest';
import type { Client, ConsumerClient } from '../../../src/kafka/client.ts';
import { type Cursor, createFetchLoop } from '../../../src/kafka/fetch-loop.ts';

/** A loop over one partition whose broker gives one answer after another when it is asked for topics. */
const startLoop = (answers: readonly string[]) => {
  const left = [...answers];
  const metadata = async (): Promise<Partial<ClusterMetadata>> => {
    const id = left.length > 1 ? left.shift() : left[0];
    if (id === 'unknown') throw new Error('Unknown topic t');
    return { topics: new Map([['t', { id: id ?? '', partitions: [], partitionsCount: 1, lastUpdate: 0 }]]) };
  };
  const called: string[] = [];
  const looks: number[] = [];
  const loop = createFetchLoop<Cursor>({
    reader: { client: { metadata } } as unknown as Client<ConsumerClient>,
    cursors: () => [{ topic: 't', partition: 0, next: 5n }],
    take: () => {},
    outOfRange: async () => {},
    topicMissing: async () => {
      called.push('missing');
    },
    topicChanged: async () => {
      called.push('changed');
    },
    looked: () => looks.push(1),
    trouble: () => {},
    metadataMs: 10,
  });
  onTestFinished(loop.stop);
  loop.wake();
  return { called, looks };
};

it('goes on where it was when a broker did not know the topic for a moment', async () => {
  const { called, looks } = startLoop(['same', 'unknown', 'unknown', 'same']);

  await vi.waitFor(() => expect(looks.length).toBeGreaterThanOrEqual(2), 5_000);
  expect(called).toEqual(['missing']);
});

it('tells of a topic that is another one when it is there again', async () => {
  const { called, looks } = startLoop(['before', 'unknown', 'unknown', 'after']);

  await vi.waitFor(() => expect(looks.length).toBeGreaterThanOrEqual(2), 5_000);
  expect(called).toEqual(['missing', 'changed']);
});
