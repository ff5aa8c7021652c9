// What it costs to write so that nothing is in the log twice, and what it is worth when links and brokers break.
import { setTimeout as after } from 'node:timers/promises';
import { Admin, Consumer } from '@platformatic/kafka';
import type { OwnBroker } from '../../scripts/services/broker.ts';
import type { FaultProxy } from '../../scripts/services/proxy.ts';
import { partitionOf } from '../../src/kafka/partition.ts';
import type { NewRecord } from '../../src/kafka/records.ts';
import { median } from '../processes.ts';
import { type WriterName, writers } from './writers.ts';

const PARTITIONS = 3;
const KEYS = 100;
const IN_FLIGHT = 1_000;
/** While something breaks: so many events, each after a pause, make requests all the time and a log that is soon read. */
const STEADY = 200;
const STEADY_PAUSE_MS = 10;
const VALUE_BYTES = 256;

let unique = 0;

export const makeTopics = async (broker: string, count: number): Promise<string[]> => {
  const topics = Array.from({ length: count }, () => `producing-${Date.now()}-${unique++}`);
  const admin = new Admin({ clientId: 'trial', bootstrapBrokers: [broker] });
  await admin.createTopics({ topics, partitions: PARTITIONS, replicas: 1 });
  await admin.close();
  return topics;
};

const padding = 'x'.repeat(VALUE_BYTES);

export const recordOf = (topic: string, index: number): NewRecord => {
  const key = `key${index % KEYS}`;
  return {
    topic,
    key: Buffer.from(key),
    partition: partitionOf(Buffer.from(key)),
    value: Buffer.from(JSON.stringify({ index, key, padding })),
    headers: { 'content-type': 'application/cloudevents+json' },
  };
};

/** Events a second, and microseconds of the processor for each. */
const measureWriting = async (broker: string, name: WriterName, topicCount: number, count: number) => {
  const topics = await makeTopics(broker, topicCount);
  const writer = writers[name](broker);
  for (const topic of topics) await writer.write(recordOf(topic, 0));
  let next = 0;
  const writeSome = async () => {
    while (next < count) {
      const index = next++;
      await writer.write(recordOf(topics[index % topicCount] ?? '', index));
    }
  };
  const [begun, cpu] = [performance.now(), process.cpuUsage()];
  await Promise.all(Array.from({ length: IN_FLIGHT }, writeSome));
  const { user, system } = process.cpuUsage(cpu);
  const perSecond = (count / (performance.now() - begun)) * 1_000;
  await writer.close();
  return { perSecond, cpuUs: (user + system) / count };
};

/** Each round begins with another contender, so that none always comes after the same one. */
const rotate = <Item>(items: readonly Item[], by: number): Item[] => {
  const first = by % items.length;
  return [...items.slice(first), ...items.slice(0, first)];
};

export const compareCosts = async (broker: string, topicCount: number, rounds: number, counts: [number, number]) => {
  const names = Object.keys(writers) as WriterName[];
  const results = new Map(names.map((name) => [name, [] as Awaited<ReturnType<typeof measureWriting>>[]]));
  for (let round = 0; round < rounds; round++)
    for (const name of rotate(names, round)) {
      const count = name.startsWith('batches') ? counts[0] : counts[1];
      results.get(name)?.push(await measureWriting(broker, name, topicCount, count));
    }
  return new Map(
    [...results].map(([name, list]) => [
      name,
      {
        perSecond: median(list.map(({ perSecond }) => perSecond)),
        cpuUs: median(list.map(({ cpuUs }) => cpuUs)),
      },
    ]),
  );
};

interface Stored {
  readonly index: number;
  readonly key: string;
}

/** What a topic has, in the order of each partition. */
export const readAll = async (broker: string, topic: string): Promise<Stored[]> => {
  const consumer = new Consumer<Buffer, Buffer, Buffer, Buffer>({
    clientId: 'trial',
    bootstrapBrokers: [broker],
    groupId: `look-${topic}-${unique++}`,
    maxWaitTime: 200,
  });
  const ends = (await consumer.listOffsets({ topics: [topic] })).get(topic) ?? [];
  const wanted = ends.reduce((sum, end) => sum + Number(end), 0);
  const stored: Stored[] = [];
  if (wanted > 0) {
    const stream = await consumer.consume({ topics: [topic], mode: 'earliest', autocommit: false });
    for await (const { value } of stream) if (stored.push(JSON.parse(String(value))) === wanted) break;
  }
  await consumer.close(true);
  return stored;
};

export const judge = (confirmed: ReadonlySet<number>, stored: readonly Stored[]) => {
  const seen = new Set<number>();
  const last = new Map<string, number>();
  const wrong = new Set<string>();
  for (const { index, key } of stored) {
    if (seen.has(index)) continue;
    seen.add(index);
    if (index < (last.get(key) ?? -1)) wrong.add(key);
    last.set(key, index);
  }
  const lost = [...confirmed].filter((index) => !seen.has(index)).length;
  return { confirmed: confirmed.size, lost, twice: stored.length - seen.size, wrongKeys: wrong.size };
};

export interface Site {
  readonly direct: string;
  readonly proxied: string;
  readonly proxy: FaultProxy;
  readonly own: OwnBroker;
}

export const faults: Record<string, (site: Site, confirmed: () => number) => Promise<void>> = {
  'connections cut 20 times': async ({ proxy }, confirmed) => {
    for (let cut = 0; cut < 20; cut++) {
      const before = confirmed();
      while (confirmed() < before + 500) await after(1);
      // At any moment of a request.
      await after(Math.random() * 20);
      proxy.cut();
    }
  },
  'broker killed and started again': async ({ own }) => {
    await own.kill();
    await own.start();
  },
  'broker frozen for 5 s': async ({ own }) => {
    await own.freeze();
    await after(5_000);
    own.thaw();
  },
};

/** Writes all the time, and lets the fault happen in the middle. */
export const tryFault = async (site: Site, name: WriterName, breakIt: (typeof faults)[string]) => {
  const [topic = ''] = await makeTopics(site.direct, 1);
  const writer = writers[name](site.proxied);
  const confirmed = new Set<number>();
  let [next, isOver, lastConfirm, longest] = [0, false, performance.now(), 0];
  const writeSome = async () => {
    while (!isOver) {
      const index = next++;
      await writer.write(recordOf(topic, index));
      confirmed.add(index);
      longest = Math.max(longest, performance.now() - lastConfirm);
      lastConfirm = performance.now();
      await after(STEADY_PAUSE_MS * Math.random() * 2);
    }
  };
  const writing = Promise.all(Array.from({ length: STEADY }, writeSome));
  await after(1_000);
  longest = 0;
  const begun = performance.now();
  await breakIt(site, () => confirmed.size);
  const fault = performance.now() - begun;
  await after(3_000);
  isOver = true;
  const inTime = await Promise.race([writing.then(() => true), after(30_000).then(() => false)]);
  await writer.close();
  return { ...judge(confirmed, await readAll(site.direct, topic)), longest, fault, inTime };
};
