import { Producer, stringSerializers } from '@platformatic/kafka';
import type { DeadLetterStore } from 'mapbus/transport';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  connect,
  DEAD,
  DONE,
  dataOf,
  deadTopic,
  kinds,
  lettersOf,
  messageOf,
  openAdmin,
  range,
  receive,
  retryTopic,
  sendAll,
  specOf,
  unique,
  until,
  urlOf,
} from './tools.ts';

/** A service with so many dead letters. */
const openDead = async (count: number) => {
  const [service, name] = [unique('s'), unique('e')];
  const opened = await connect(service);
  const { connection } = opened;
  const state = { isBroken: true };
  const redriven: unknown[] = [];
  await receive(connection, specOf('read', name), async (delivery) => {
    if (state.isBroken) return DEAD;
    redriven.push(dataOf(delivery));
    return DONE;
  });
  await sendAll(connection, name, range(count));
  await until('the letters', async () => (await lettersOf(connection)).length === count);
  const { deadLetters } = connection;
  if (!deadLetters) throw new Error('Kafka keeps dead letters');
  const store: DeadLetterStore = deadLetters;
  return { ...opened, service, state, redriven, store };
};

const endOf = async (topic: string): Promise<bigint> => {
  const admin = await openAdmin();
  const [found] = await admin.listOffsets({
    topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp: -1n }] }],
  });
  return found?.partitions[0]?.offset ?? -1n;
};

describe.each(kinds)('dead letters, over %s', () => {
  it('a discard of one letter writes three records, however many letters there are', async () => {
    const { service, store, connection } = await openDead(50);
    const before = await endOf(deadTopic(service));
    const [first, second] = await lettersOf(connection);

    await store.discard([second?.ref ?? '']);

    expect((await endOf(deadTopic(service))) - before).toBe(3n);
    const left = (await lettersOf(connection)).map(({ ref }) => ref);
    expect(left).toHaveLength(49);
    expect(left[0]).toBe(first?.ref);
  });

  it('a redrive that fails midway loses no letter and repeats none that was given back', async () => {
    const { service, store, state, redriven, connection, process } = await openDead(20);
    const letters = await lettersOf(connection);
    state.isBroken = false;

    const redriving = store.redrive(letters.map(({ ref }) => ref)).catch(() => 'failed');
    await until('some of them', () => redriven.length > 3);
    process.freeze();

    const other = await connect(service);
    await until('the letters that are left', async () => {
      const left = (await lettersOf(other.connection)).map(({ ref }) => ref);
      return left.length > 0 && left.length < 20;
    });
    const left = (await lettersOf(other.connection)).map(({ body }) => dataOf({ body }));
    const gone = range(20).filter((n) => !left.includes(n));
    const seenByOther: unknown[] = [];
    await receive(other.connection, specOf('read', unique('e')), async (delivery) => {
      seenByOther.push(dataOf(delivery));
      return DONE;
    });
    await until('what was given back', () => gone.every((n) => [...redriven, ...seenByOther].includes(n)));
    process.thaw();
    await redriving;
  });

  it('two operators that redrive the same letters at once give each event once', async () => {
    const { service, store, state, redriven, connection } = await openDead(40);
    const other = await connect(service);
    const refs = (await lettersOf(connection)).map(({ ref }) => ref);
    await lettersOf(other.connection);
    state.isBroken = false;

    const counts = await Promise.all([store.redrive(refs), other.connection.deadLetters?.redrive(refs)]);

    await until('all events', () => new Set(redriven).size === 40);
    await until('an end of redriven events', async () => (await lettersOf(connection)).length === 0);
    expect(redriven.toSorted((a, b) => Number(a) - Number(b))).toEqual(range(40));
    expect(Number(counts[0]) + Number(counts[1])).toBe(40);
  });

  it('a look at a service that has none makes no topic', async () => {
    const service = unique('s');
    const { connection } = await connect(service);

    expect(await lettersOf(connection)).toEqual([]);
    expect(await connection.deadLetters?.redrive(['none'])).toBe(0);
    expect(await connection.operator?.consumers()).toEqual([]);

    const topics = await (await openAdmin()).listTopics();
    expect(topics.filter((topic) => topic.includes(service))).toEqual([]);
  });

  it('a letter that is in the log twice is redriven once', async () => {
    const { service, state, redriven, store, connection } = await openDead(1);
    const producer = new Producer({
      clientId: 'test',
      bootstrapBrokers: (await urlOf()).split(','),
      serializers: stringSerializers,
    });
    onTestFinished(() => producer.close());
    const letter = {
      topic: deadTopic(service),
      key: 'twice',
      value: messageOf('any', 'twice').body,
      headers: { consumer: 'read', reason: 'handler_error', attempt: '1' },
    };
    // As after an answer that was lost.
    await producer.send({ messages: [letter, letter] });
    const letters = await lettersOf(connection);
    state.isBroken = false;

    const count = await store.redrive(letters.map(({ ref }) => ref));

    expect([letters.length, count]).toEqual([2, 2]);
    await until('the events', () => redriven.includes(0) && redriven.includes('twice'));
    expect(redriven).toHaveLength(2);
  });

  it('another process sees what was discarded, and what died since it has looked', async () => {
    const { service, store, connection } = await openDead(5);
    const other = await connect(service);
    const [first] = await lettersOf(other.connection);

    await store.discard([first?.ref ?? '']);

    expect(await lettersOf(other.connection)).toHaveLength(4);
    expect(await lettersOf(connection)).toHaveLength(4);
  });

  it('a look that fails leaves nothing open, and the next one works', async () => {
    const { connection, process } = await openDead(2);
    process.freeze();
    const looking = lettersOf(connection).then(
      () => 'seen',
      () => 'failed',
    );
    process.thaw();
    expect(['seen', 'failed']).toContain(await looking);

    expect(await lettersOf(connection)).toHaveLength(2);
  });

  it('letters of a consumer that was renamed twice go to its last name when they are redriven', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const first = (await connect(service)).connection;
    await receive(first, specOf('a', name), async () => DEAD);
    await sendAll(first, name, range(3));
    await until('three letters', async () => (await lettersOf(first)).length === 3);
    await first.close();
    const admin = await openAdmin();
    const isGone = async (consumer: string) => !(await admin.listTopics()).includes(retryTopic(service, consumer));
    const second = (await connect(service)).connection;
    await receive(second, specOf('b', name, { formerly: 'a' }), async () => DONE);
    await until('the end of the first name', () => isGone('a'));
    await second.close();
    const third = (await connect(service)).connection;
    const seen: unknown[] = [];
    await receive(third, specOf('c', name, { formerly: 'b' }), async (delivery) => {
      seen.push(dataOf(delivery));
      return DONE;
    });
    await until('the end of the second name', () => isGone('b'));
    const letters = await lettersOf(third);

    const count = await third.deadLetters?.redrive(letters.map(({ ref }) => ref));

    expect([letters.length, count]).toEqual([3, 3]);
    await until('three events', () => new Set(seen).size === 3);
    expect(await lettersOf(third)).toEqual([]);
  });

  it('letters of a consumer that does not exist any more stay when they are redriven', async () => {
    const { service, store, connection } = await openDead(1);
    const admin = await openAdmin();
    const [letter] = await lettersOf(connection);
    await connection.close();
    await admin.deleteTopics({ topics: [retryTopic(service, 'read')] });
    const { connection: operator } = await connect(service);

    await expect(operator.deadLetters?.redrive([letter?.ref ?? ''])).rejects.toThrow('There is no consumer "read"');

    expect(await lettersOf(operator)).toHaveLength(1);
    expect(store).not.toBe(operator.deadLetters);
  });
});
