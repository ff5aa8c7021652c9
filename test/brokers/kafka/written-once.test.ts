import { Consumer, Producer } from '@platformatic/kafka';
import { describe, expect, it, onTestFinished } from 'vitest';
import { kafkaProxy } from '../../../scripts/services/kafka.ts';
import { ensureService } from '../../../scripts/services/main.ts';
import { createFaultProxy } from '../../../scripts/services/proxy.ts';
import { after, connect, eventTopic, kinds, messageOf, range, send, unique, until, urlOf } from './tools.ts';

const openReader = async () => {
  const reader = new Consumer({
    clientId: 'operator',
    bootstrapBrokers: (await urlOf()).split(','),
    groupId: unique('look'),
  });
  onTestFinished(() => reader.close(true));
  return reader;
};

/** How many records a topic has. */
const countRecords = async (name: string): Promise<number> => {
  const reader = await openReader();
  const ends = (await reader.listOffsets({ topics: [eventTopic(name)] })).get(eventTopic(name)) ?? [];
  return ends.reduce((sum, end) => sum + Number(end), 0);
};

/** The id of the producer that has written the first record of a topic. */
const producerIdOf = async (name: string): Promise<bigint | undefined> => {
  const reader = await openReader();
  const topic = eventTopic(name);
  const { topics } = await reader.metadata({ topics: [topic] });
  const known = topics.get(topic);
  const place = { partition: 0, currentLeaderEpoch: -1, fetchOffset: 0n, lastFetchedEpoch: -1 };
  const { responses } = await reader.fetch({
    node: known?.partitions[0]?.leader ?? -1,
    topics: [{ topicId: known?.id ?? '', partitions: [{ ...place, partitionMaxBytes: 1_000_000 }] }],
  });
  return responses[0]?.partitions[0]?.records?.[0]?.producerId;
};

describe.each(kinds)('what is in the log once, over %s', () => {
  it('events whose answers are lost because the link is cut again and again', async () => {
    const proxy = await createFaultProxy(kafkaProxy.target, kafkaProxy.port);
    onTestFinished(() => proxy.close());
    const name = unique('e');
    const { connection } = await connect('writer', { brokers: [`127.0.0.1:${proxy.port}`] });

    let confirmed = 0;
    const publish = async (n: number, key: string): Promise<void> => {
      const message = messageOf(name, n, { key: n % 2 === 0 ? key : undefined });
      await send(connection, message, AbortSignal.timeout(50_000));
      confirmed++;
    };
    const publishing: Promise<unknown>[] = [];
    const publishAll = async (): Promise<void> => {
      for (const n of range(100)) {
        for (const key of range(50).map(String)) publishing.push(publish(n, key));
        await after(20);
      }
    };
    const cutAll = async (): Promise<void> => {
      for (let cut = 0; cut < 20; cut++) {
        const before = confirmed;
        // Slow machines publish something between two cuts too.
        await until('progress', () => confirmed > before + 100 || confirmed === 5_000);
        proxy.cut();
      }
    };
    await Promise.all([publishAll(), cutAll()]);
    await Promise.all(publishing);

    expect(await countRecords(name)).toBe(5_000);
  });

  it('events whose answers come too late, because the broker stands still', async () => {
    const { own } = await ensureService('kafka');
    if (!own) throw new Error('The broker at hand is not ours to freeze');
    const name = unique('e');
    // A third of it is the time that the broker has to answer.
    const { connection } = await connect('writer', { context: { publishTimeoutMs: 3_000 } });
    await send(connection, messageOf(name, 0));

    await own.freeze();
    const publishing = range(20).map((n) => send(connection, messageOf(name, n), AbortSignal.timeout(30_000)));
    await after(3_500);
    own.thaw();
    await Promise.all(publishing);

    expect(await countRecords(name)).toBe(21);
  });

  it('events of a publisher whose producer the broker has fenced: it goes on with another one', async () => {
    const name = unique('e');
    const { connection } = await connect('writer', { partitions: 1 });
    await send(connection, messageOf(name, 1));
    const producerId = await producerIdOf(name);
    if (producerId === undefined) throw new Error('The record has no producer');
    const other = new Producer({ clientId: 'other', bootstrapBrokers: (await urlOf()).split(',') });
    onTestFinished(() => other.close(true));
    const message = { topic: eventTopic(name), partition: 0, value: Buffer.from('{}') };
    await other.send({ messages: [message], producerId, producerEpoch: 32_767, acks: -1 });

    await send(connection, messageOf(name, 2), AbortSignal.timeout(10_000));

    await until('both events and that of the other', async () => (await countRecords(name)) === 3);
  });
});
