import { type Admin, Producer } from '@platformatic/kafka';
import { createServiceBus } from 'mapbus/service';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startProcess } from './processes.ts';
import {
  connect,
  DEAD,
  DONE,
  dataOf,
  deadTopic,
  eventTopic,
  kinds,
  lettersOf,
  messageOf,
  openAdmin,
  range,
  receive,
  retryOf,
  send,
  sendAll,
  specOf,
  textOf,
  unique,
  until,
  urlOf,
} from './tools.ts';

type Header = string | null;

/** A producer that writes what it likes, as those in Java do. */
const openForeign = async () => {
  const toBytes = (text?: Header) => (text == null ? undefined : Buffer.from(text));
  const producer = new Producer<Buffer, Buffer | null, string, Header>({
    clientId: 'foreign',
    bootstrapBrokers: (await urlOf()).split(','),
    serializers: { headerKey: toBytes, headerValue: toBytes },
  });
  onTestFinished(() => producer.close());
  return (topic: string, value: Buffer | undefined, headers: Record<string, Header> = {}, partition = 0) =>
    producer.send({ messages: [{ topic, value: value as Buffer, headers, partition }] });
};

const configure = (admin: Admin, topic: string, name: string, value: string) =>
  admin.incrementalAlterConfigs({
    resources: [{ resourceType: 2, resourceName: topic, configs: [{ name, configOperation: 0, value }] }],
  });

const openBus = async (service: string) => {
  const { transport } = startProcess({ brokers: (await urlOf()).split(','), sessionTimeoutMs: 2_000, partitions: 1 });
  const bus = createServiceBus<Record<string, unknown>>({
    service,
    transport,
    sends: 'all',
    logger: { debug: () => {}, warn: () => {}, error: () => {} },
    consumers: { retryDelayMs: 10 },
  });
  onTestFinished(() => bus.close(), 30_000);
  return bus;
};

describe.each(kinds)('what no bus has written, over %s', () => {
  it('headers and bodies without a value crash nothing', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const bus = await openBus(service);
    const seen: unknown[] = [];
    bus.consume(name, 'read', (payload) => void seen.push(payload));
    await bus.ready();
    const foreign = await openForeign();
    const { body } = messageOf(name, 'with a null header');

    await foreign(eventTopic(name), Buffer.from(String(body)), { nothing: null, 'mapbus-attempt': null });
    await foreign(eventTopic(name), undefined, { nothing: null });
    await bus.publish(name, 'good');

    await until('the events', () => seen.includes('good') && seen.includes('with a null header'), 5_000);
    await until('one letter', async () => (await bus.deadLetters.page({ limit: 9 })).letters.length === 1);
  });

  it('a key of 200,000 bytes does not stop the process', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const { connection } = await connect(service);
    const keys: unknown[] = [];
    await receive(connection, specOf('read', name), async ({ key }) => {
      keys.push(key?.length);
      return DONE;
    });
    const start = performance.now();

    await send(connection, messageOf(name, 1, { key: 'k'.repeat(200_000) }));

    // Far above what it takes, and far below what the hash of the client takes.
    expect(performance.now() - start).toBeLessThan(5_000);
    await until('the event', () => keys.includes(200_000));
  });

  it('a CloudEvent in binary mode is read from its headers', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const bus = await openBus(service);
    const seen: unknown[] = [];
    let failures = 0;
    bus.consume(name, 'read', (payload, { id, source, attempt }) => {
      if (failures++ === 0) throw new Error('not yet');
      seen.push([payload, id, source, attempt]);
    });
    await bus.ready();
    const foreign = await openForeign();
    const attributes = { ce_specversion: '1.0', ce_id: 'i1', ce_source: '/java', ce_type: name, ce_other: null };

    await foreign(eventTopic(name), Buffer.from('{"total":3}'), { ...attributes, 'content-type': 'application/json' });

    // The retry has its attributes too.
    await until('the event', () => seen.length > 0, 5_000);
    expect(seen).toEqual([[{ total: 3 }, 'i1', '/java', 2]]);
  });

  it('a record just under the limit of the broker is given up in part, and the next events go on', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const { connection } = await connect(service, { partitions: 1 });
    const handled: unknown[] = [];
    await receive(connection, specOf('read', name, { concurrency: 1 }), async ({ body }) => {
      if (body.length > 100_000) return { ...DEAD, error: { name: 'Error', message: '漢'.repeat(4_000) } };
      handled.push(JSON.parse(textOf(body)).data);
      return DONE;
    });
    const foreign = await openForeign();

    // The broker takes 1,048,588 bytes, and what is around the value has about 70.
    for (const _ of range(10)) await foreign(eventTopic(name), Buffer.alloc(1_048_500, 'x'));
    const publishedAt = performance.now();
    await send(connection, messageOf(name, 'good'));

    await until('the good event', () => handled.length > 0);
    expect(performance.now() - publishedAt).toBeLessThan(2_000);
    await until('ten letters', async () => (await lettersOf(connection)).length === 10);
    const [letter] = await lettersOf(connection);
    expect(letter?.body).toHaveLength(100_000);
  });

  it('a letter that the broker refuses in every size waits with its event, and comes when the limit is raised', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const admin = await openAdmin();
    const { connection, logged } = await connect(service, { partitions: 1 });
    const handled: unknown[] = [];
    await receive(connection, specOf('read', name, { concurrency: 1 }), async (delivery) => {
      if (dataOf(delivery) === 'dies') return DEAD;
      handled.push(dataOf(delivery));
      return DONE;
    });
    await configure(admin, deadTopic(service), 'max.message.bytes', '10');

    await sendAll(connection, name, ['dies']);
    await until('the line of the log', () => logged('event_outcome_delayed').length > 0);
    await sendAll(connection, name, ['good']);
    await until('the good event', () => handled.length > 0);
    const [line] = logged('event_outcome_delayed');
    expect(line).toMatchObject({ level: 'warn', fields: { consumer: 'read', outcome: 'dead' } });
    await configure(admin, deadTopic(service), 'max.message.bytes', '1048588');

    await until('the letter', async () => (await lettersOf(connection)).length === 1);
    expect(logged('event_outcome_delayed')).toHaveLength(1);
  });

  it('a record that is too large to be written as a retry is tried again all the same', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const { connection } = await connect(service, { partitions: 1 });
    const attempts: number[] = [];
    await receive(connection, specOf('read', name), async ({ attempt }) => {
      attempts.push(attempt);
      return attempt < 3 ? retryOf(attempt + 1, 10) : DONE;
    });
    const foreign = await openForeign();

    await foreign(eventTopic(name), Buffer.alloc(1_048_500, 'x'));

    await until('three attempts', () => attempts.length === 3);
    expect(attempts).toEqual([1, 2, 3]);
  });

  it('a body comes back byte for byte, also as a dead letter and after a redrive', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const { connection } = await connect(service, { partitions: 1 });
    const bytes = Buffer.from([0xff, 0xfe, 0x00, ...range(256)]);
    const bodies: Uint8Array[] = [];
    let isBroken = true;
    await receive(connection, specOf('read', name), async ({ body }) => {
      bodies.push(body as Uint8Array);
      return isBroken ? DEAD : DONE;
    });
    const foreign = await openForeign();

    await foreign(eventTopic(name), bytes, { 'content-type': 'application/json' });
    await until('the letter', async () => (await lettersOf(connection)).length === 1);
    const [letter] = await lettersOf(connection);
    isBroken = false;
    await connection.deadLetters?.redrive([letter?.ref ?? '']);
    await until('the event again', () => bodies.length === 2);

    expect([...bodies, letter?.body as Uint8Array].map((body) => Buffer.from(body).equals(bytes))).toEqual([
      true,
      true,
      true,
    ]);
  });

  it('an event that was rolled back with its transaction is not handled', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const { connection } = await connect(service, { partitions: 1 });
    const seen: unknown[] = [];
    await receive(connection, specOf('read', name), async (delivery) => {
      seen.push(dataOf(delivery));
      return DONE;
    });
    const producer = new Producer<Buffer, Buffer, string, string>({
      clientId: 'java',
      bootstrapBrokers: (await urlOf()).split(','),
      idempotent: true,
      transactionalId: unique('t'),
    });
    onTestFinished(() => producer.close());
    const inTransaction = async (data: string, isKept: boolean) => {
      const transaction = await producer.beginTransaction();
      await transaction.send({
        messages: [{ topic: eventTopic(name), value: Buffer.from(String(messageOf(name, data).body)), partition: 0 }],
      });
      await (isKept ? transaction.commit() : transaction.abort());
    };

    // Two of one producer in one fetch: its client knows only the last one.
    await inTransaction('rolled back 1', false);
    await inTransaction('kept', true);
    await inTransaction('rolled back 2', false);
    await send(connection, messageOf(name, 'last'));

    await until('the last event', () => seen.includes('last'));
    expect(seen).toEqual(['kept', 'last']);
  });

  it('headers of a publisher hold no event back and give it no attempt', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const { connection } = await connect(service);
    const attempts: number[] = [];
    await receive(connection, specOf('read', name), async ({ attempt }) => {
      attempts.push(attempt);
      return DONE;
    });
    const inTwentyDays = String(Date.now() + 20 * 24 * 3_600_000);

    for (const attempt of ['-1000000000', '99', 'NaN'])
      await send(
        connection,
        messageOf(name, 1, { headers: { 'mapbus-attempt': attempt, 'mapbus-not-before': inTwentyDays } }),
      );

    await until('the events', () => attempts.length === 3, 5_000);
    expect(attempts).toEqual([1, 1, 1]);
  });

  it('a retry topic that someone else writes to gives no absurd attempt and no endless wait', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const { connection } = await connect(service);
    const attempts: number[] = [];
    await receive(connection, specOf('read', name), async ({ attempt }) => {
      attempts.push(attempt);
      return DONE;
    });
    const foreign = await openForeign();
    const { body } = messageOf(name, 1);

    for (const attempt of ['-5', '1e99', '0', '3'])
      await foreign(`mapbus.retry.${service}.read`, Buffer.from(String(body)), {
        'mapbus-attempt': attempt,
        'mapbus-not-before': '4102444800000',
      });

    await until('the events', () => attempts.length === 4, 5_000);
    expect(attempts.sort()).toEqual([1, 1, 1, 3]);
  });

  it('the letters that retention has cut do not keep the others from being seen', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const admin = await openAdmin();
    const { connection } = await connect(service);
    await receive(connection, specOf('read', name), async () => DEAD);
    await sendAll(connection, name, range(6));
    await until('six letters', async () => (await lettersOf(connection)).length === 6);
    const before = await lettersOf(connection);

    // A compacted topic is not cut by Kafka itself. An operator may have made it otherwise.
    await configure(admin, deadTopic(service), 'cleanup.policy', 'delete');
    // The first record says that the consumer is in force. Then come four letters.
    const topics = [{ name: deadTopic(service), partitions: [{ partition: 0, offset: 5n }] }];
    // The setting counts a moment later.
    const cut = () =>
      admin.deleteRecords({ topics }).then(
        () => true,
        () => false,
      );
    await until('the cut', cut);

    const other = await connect(service);
    const refs = before.slice(4).map(({ ref }) => ref);
    expect((await lettersOf(connection)).map(({ ref }) => ref)).toEqual(refs);
    expect((await lettersOf(other.connection)).map(({ ref }) => ref)).toEqual(refs);
  });
});
