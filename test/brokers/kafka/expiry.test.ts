import { Producer } from '@platformatic/kafka';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  connect,
  DONE,
  dataOf,
  groupOf,
  kinds,
  messageOf,
  openAdmin,
  range,
  receive,
  retryOf,
  retryTopic,
  send,
  sendAll,
  specOf,
  unique,
  until,
  urlOf,
} from './tools.ts';

const DAY_MS = 24 * 60 * 60 * 1_000;

/** What is at the broker of the consumers of a service, and what of it can be changed to look old. */
const openSite = async (service: string) => {
  const admin = await openAdmin();
  const producer = new Producer<string, string, string, string>({
    clientId: 'operator',
    bootstrapBrokers: (await urlOf()).split(','),
    serializers: { key: (text) => Buffer.from(text ?? ''), value: (text) => Buffer.from(text ?? '') },
  });
  onTestFinished(() => producer.close());
  const topic = `mapbus.used.${service}`;
  const write = async (key: string, value: unknown): Promise<bigint> => {
    const { offsets = [] } = await producer.send({ messages: [{ topic, key, value: JSON.stringify(value) }] });
    return offsets[0]?.offset ?? -1n;
  };
  /** As if a process had run the consumer so many days ago. Resolves with the offset of the record. */
  const writeUse = (consumer: string, daysAgo: number) =>
    write(`used ${consumer}`, { at: Date.now() - daysAgo * DAY_MS, expiresAfterMs: 31 * DAY_MS });
  /** As if a process was about to remove the consumer. */
  const writeRemoval = (consumer: string, topicId: string | undefined, after: bigint) =>
    write(`removal ${consumer}`, { topicId, after: String(after) });
  const idOf = async (consumer: string): Promise<string | undefined> => {
    const name = retryTopic(service, consumer);
    if (!(await admin.listTopics()).includes(name)) return undefined;
    return (await admin.metadata({ topics: [name], forceUpdate: true })).topics.get(name)?.id;
  };
  const hasGroup = async (consumer: string) => (await admin.listGroups()).has(groupOf(service, consumer));
  return { writeUse, writeRemoval, idOf, hasGroup };
};

/** Puts a consumer in force and closes, so that what is published from then on waits. */
const declareOnly = async (service: string, consumer: string, name: string): Promise<void> => {
  const { connection } = await connect(service);
  await connection.declare([specOf(consumer, name)]);
  await connection.close();
};

const collect = async (
  connection: Awaited<ReturnType<typeof connect>>['connection'],
  consumer: string,
  name: string,
) => {
  const seen = new Set<unknown>();
  await receive(connection, specOf(consumer, name), async (delivery) => {
    seen.add(dataOf(delivery));
    return DONE;
  });
  return seen;
};

describe.each(kinds)('a consumer that nobody runs, over %s', () => {
  it('is removed with its group after expiresAfterMs by another process of its service', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const site = await openSite(service);
    await declareOnly(service, 'gone', name);
    await declareOnly(service, 'recent', name);
    await site.writeUse('gone', 32);
    await site.writeUse('recent', 30);

    const { connection, logged } = await connect(service);
    const seen = await collect(connection, 'other', name);

    await until('the removal', () => logged('event_consumer_removed').length === 1);
    expect(logged('event_consumer_removed')).toMatchObject([{ level: 'warn', fields: { consumer: 'gone' } }]);
    expect([await site.idOf('gone'), await site.hasGroup('gone')]).toEqual([undefined, false]);
    expect([await site.hasGroup('recent'), typeof (await site.idOf('recent'))]).toEqual([true, 'string']);
    await sendAll(connection, name, [1, 2, 3]);
    await until('the events of the consumer that is run', () => seen.size === 3);
  });

  it('is not removed by a process of another service, and not with topology: "check"', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const site = await openSite(service);
    await declareOnly(service, 'gone', name);
    await declareOnly(service, 'other', name);
    await site.writeUse('gone', 32);
    const others = [await connect(unique('s')), await connect(service, { topology: 'check' })];

    for (const { connection } of others) {
      const seen = await collect(connection, 'other', name);
      await sendAll(connection, name, range(20));
      await until('the events', () => seen.size >= 20);
    }

    expect(typeof (await site.idOf('gone'))).toBe('string');
    expect(others.map(({ connection }) => connection.features.expiresConsumers)).toEqual([true, false]);
    // A process that may remove it does so.
    const { connection, logged } = await connect(service);
    await connection.declare([specOf('other', name)]);
    await until('the removal', () => logged('event_consumer_removed').length === 1);
  });

  it('is not removed while a process is in its group, though it could not say so', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const site = await openSite(service);
    const runner = await connect(service);
    const seen = await collect(runner.connection, 'runs', name);
    await declareOnly(service, 'gone', name);
    const before = await site.idOf('runs');
    // They are looked at in this order.
    await site.writeUse('runs', 32);
    await site.writeUse('gone', 32);

    const { connection, logged } = await connect(service);
    await connection.declare([specOf('other', name)]);
    await until('the removal', () => logged('event_consumer_removed').length > 0);

    expect(logged('event_consumer_removed').map(({ fields }) => fields.consumer)).toEqual(['gone']);
    expect(await site.idOf('runs')).toBe(before);
    await sendAll(connection, name, [1, 2, 3]);
    await until('its events', () => seen.size === 3);
  });

  it('gets what has waited for it when it starts before anybody has removed it', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const site = await openSite(service);
    await declareOnly(service, 'late', name);
    const { connection, logged } = await connect(service);
    await sendAll(connection, name, range(5));
    const last = await site.writeUse('late', 32);
    await declareOnly(service, 'late', name);
    // A process that had looked before that writes its removal now. It does not count.
    await site.writeRemoval('late', await site.idOf('late'), last);

    const seen = await collect(connection, 'late', name);

    await until('what has waited', () => seen.size === 5);
    expect(logged('event_consumer_removed')).toEqual([]);
  });

  it('begins as a new one when it starts while another process is about to remove it', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const site = await openSite(service);
    await declareOnly(service, 'late', name);
    const { connection, logged } = await connect(service);
    await sendAll(connection, name, ['waited']);
    const removed = await site.idOf('late');
    await site.writeRemoval('late', removed, await site.writeUse('late', 32));

    const attempts: unknown[] = [];
    await receive(connection, specOf('late', name), async (delivery) => {
      attempts.push(`${dataOf(delivery)} ${delivery.attempt}`);
      return delivery.attempt === 1 ? retryOf(2, 1) : DONE;
    });
    await sendAll(connection, name, ['new']);

    await until('the retry', () => attempts.includes('new 2'));
    expect(attempts).toEqual(['new 1', 'new 2']);
    expect(logged('event_consumer_removed')).toHaveLength(1);
    // The late process deletes by its id what does not exist any more.
    expect([typeof (await site.idOf('late')), (await site.idOf('late')) === removed]).toEqual(['string', false]);
  });

  it('loses nothing from its start on when it starts at the moment of its removal', async () => {
    const name = unique('e');
    const outcomes = await Promise.all(
      range(6).map(async (round) => {
        const service = unique('s');
        const site = await openSite(service);
        await declareOnly(service, 'late', name);
        await site.writeUse('late', 32);
        const [remover, starter] = [await connect(service), await connect(service)];
        const removing = remover.connection.declare([specOf('other', name)]);
        const spec = specOf('late', name);

        const declaring = starter.connection.declare([spec]);
        await declaring;
        const payloads = range(5).map((n) => `${round} ${n}`);
        await sendAll(starter.connection, name, payloads);
        const seen = new Set<unknown>();
        await starter.connection.consume(spec, async (delivery) => {
          seen.add(dataOf(delivery));
          return DONE;
        });

        await until('the events since its start', () => payloads.every((payload) => seen.has(payload)));
        await removing;
        // Its topic is there, so that it stays in force.
        return typeof (await site.idOf('late'));
      }),
    );

    expect(outcomes).toEqual(range(6).map(() => 'string'));
  });

  it('is noted again as long as a process declares it', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const admin = await openAdmin();
    const { connection } = await connect(service);
    await connection.declare([specOf('read', name, { expiresAfterMs: 100 })]);
    const countUses = async () => {
      const partitions = [{ partitionIndex: 0, timestamp: -1n }];
      const [found] = await admin.listOffsets({ topics: [{ name: `mapbus.used.${service}`, partitions }] });
      return found?.partitions[0]?.offset ?? 0n;
    };
    await send(connection, messageOf(name, 1));

    await until('three records of use', async () => (await countUses()) >= 3n);
  });
});
