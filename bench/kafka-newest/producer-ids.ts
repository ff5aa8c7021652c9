// What happens when the broker and the publisher no longer agree on the id of its producer.
import { setTimeout as after } from 'node:timers/promises';
import { Admin, Producer } from '@platformatic/kafka';
import { partitionOf } from '../../src/kafka/partition.ts';
import { judge, makeTopics, readAll, recordOf, type Site } from './producing.ts';
import { type WriterName, writers } from './writers.ts';

const WAIT_MS = 15_000;

/** Milliseconds until an event is written, or why it was not. */
const timeToWrite = async (write: () => Promise<unknown>): Promise<string> => {
  const begun = performance.now();
  const written = write().then(
    () => `${Math.round(performance.now() - begun)} ms`,
    (error: unknown) => `refused: ${error}`,
  );
  return Promise.race([written, after(WAIT_MS, `not within ${WAIT_MS / 1_000} s`)]);
};

/** Another producer writes with the same id and a newer epoch. */
const fence = async (broker: string, topic: string, producerId: bigint): Promise<void> => {
  const other = new Producer({ clientId: 'other', bootstrapBrokers: [broker], retries: 0 });
  const { value = Buffer.alloc(0), partition = 0 } = recordOf(topic, 0);
  await other.send({ messages: [{ topic, value, partition }], producerId, producerEpoch: 32_767, acks: -1 });
  await other.close(true);
};

export const tryFenced = async ({ direct }: Site, name: WriterName): Promise<string> => {
  const [topic = ''] = await makeTopics(direct, 1);
  const writer = writers[name](direct);
  await writer.write(recordOf(topic, 0));
  const { producerId } = writer.client;
  if (producerId === undefined) return 'has none';
  await fence(direct, topic, producerId);
  const told = await timeToWrite(() => writer.write(recordOf(topic, 0)));
  await writer.close();
  return told;
};

export const tryTopicMadeAnew = async ({ direct }: Site, name: WriterName): Promise<string> => {
  const [topic = ''] = await makeTopics(direct, 1);
  const writer = writers[name](direct);
  for (let index = 0; index < 10; index++) await writer.write(recordOf(topic, 0));
  const admin = new Admin({ clientId: 'trial', bootstrapBrokers: [direct] });
  await admin.deleteTopics({ topics: [topic] });
  await after(1_000);
  await admin.createTopics({ topics: [topic], partitions: 3, replicas: 1 });
  await admin.close();
  await after(500);
  const told = await timeToWrite(() => writer.write(recordOf(topic, 0)));
  await writer.close();
  return told;
};

/**
 * One topic gets an event that the broker refuses, while an event of another topic waits for the metadata: a client that
 * forgets all that it has counted then counts the other topic from zero, with the id of before.
 */
export const tryRefusedBeside = async ({ direct }: Site, name: WriterName, rounds: number) => {
  const [refusing = '', topic = ''] = await makeTopics(direct, 2);
  const writer = writers[name](direct);
  const large = { ...recordOf(refusing, 0), value: Buffer.alloc(1_100_000) };
  const confirmed = new Set<number>();
  const partition = partitionOf(Buffer.from('one'));
  let next = 0;
  const write = async (): Promise<void> => {
    const index = next++;
    await writer.write({ ...recordOf(topic, index), partition });
    confirmed.add(index);
  };
  for (let round = 0; round < rounds; round++) {
    await write();
    const refused = writer.write(large).catch(() => {});
    await after(round % 8);
    writer.client.clearMetadata();
    await Promise.all([refused, write()]);
  }
  await writer.close();
  return judge(confirmed, await readAll(direct, topic));
};

/** How many events are in the log of those whose publisher was told, seconds before, that they were given up. */
export const tryGivenUp = async ({ direct, own }: Site, name: WriterName): Promise<number> => {
  const [topic = ''] = await makeTopics(direct, 1);
  const writer = writers[name](direct);
  await writer.write(recordOf(topic, 0));
  await own.kill();
  const isGivenUp = Array.from({ length: 10 }, (_, index) =>
    Promise.race([
      writer.write(recordOf(topic, index + 1), AbortSignal.timeout(1_500)).then(
        () => false,
        () => true,
      ),
      // As the bus does: its time limit does not wait for the transport.
      after(1_600, true),
    ]),
  );
  const given = await Promise.all(isGivenUp);
  await after(1_000);
  await own.start();
  await after(5_000);
  await writer.close();
  const stored = new Set((await readAll(direct, topic)).map(({ index }) => index));
  return given.filter((isGiven, index) => isGiven && stored.has(index + 1)).length;
};
