import { type KafkaOptions, kafka } from 'mapbus/kafka';
import { describe, expect, it } from 'vitest';
import {
  connect,
  DEAD,
  DONE,
  dataOf,
  deadTopic,
  declareSoon,
  eventTopic,
  kinds,
  lettersOf,
  messageOf,
  openAdmin,
  range,
  receive,
  retryTopic,
  send,
  sendAll,
  specOf,
  unique,
  until,
} from './tools.ts';

const TOPIC = 2;

const settingsOf = async (topic: string, names: readonly string[]) => {
  const admin = await openAdmin();
  const [found] = await admin.describeConfigs({
    resources: [{ resourceType: TOPIC, resourceName: topic, configurationKeys: [...names] }],
  });
  return Object.fromEntries((found?.configs ?? []).map(({ name, value }) => [name, value]));
};

describe.each(kinds)('what is at the broker, over %s', () => {
  it('nothing of what is kept for long depends on the defaults of the broker', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const { connection } = await connect(service);
    const day = 24 * 3_600_000;
    await connection.declare([specOf('read', name, { expiresAfterMs: 31 * day })]);

    const names = ['cleanup.policy', 'retention.ms'];
    expect(await settingsOf(deadTopic(service), names)).toEqual({ 'cleanup.policy': 'compact', 'retention.ms': '-1' });
    expect(await settingsOf(retryTopic(service, 'read'), names)).toEqual({
      'cleanup.policy': 'delete',
      'retention.ms': String(32 * day),
    });
  });

  it('no event name leads to a topic of something else', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const { connection } = await connect(service);
    const seen: unknown[] = [];
    await receive(connection, specOf('read', name), async () => DEAD);
    // What the retry topic and the dead topic of others are called, with and without the prefix.
    const names = [`retry.${service}.read`, `mapbus.retry.${service}.read`, `dead.${service}`, `${service}.read`];
    await receive(connection, specOf('audit', name, { names }), async (delivery) => {
      seen.push(dataOf(delivery));
      return DONE;
    });

    for (const other of names) await send(connection, messageOf(other, other));
    await sendAll(connection, name, [1, 2, 3]);

    await until('three letters', async () => (await lettersOf(connection)).length === 3);
    await until('the events', () => seen.length >= 4);
    expect(seen.sort()).toEqual([...names].sort());
  });

  it('names that Kafka takes for one are two', async () => {
    const [service, part] = [unique('s'), unique('e')];
    const { connection } = await connect(service);
    const seen: unknown[] = [];
    const names = [`${part}.a`, `${part}_a`, `${part}-a`, `${part}-ua`];
    for (const [index, name] of names.entries())
      await receive(connection, specOf(`read${index}`, name), async (delivery) => {
        seen.push([index, dataOf(delivery)]);
        return DONE;
      });

    for (const [index, name] of names.entries()) await send(connection, messageOf(name, index));

    await until('the events', () => seen.length >= 4);
    expect(seen.sort()).toEqual(range(4).map((index) => [index, index]));
  });

  it('a tail leaves neither a topic nor a group behind', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const admin = await openAdmin();
    const { connection } = await connect(service);
    await send(connection, messageOf(name, 1));
    const before = [await admin.listTopics(), [...(await admin.listGroups()).keys()]].flat().length;
    let heard = 0;

    for (const _ of range(3)) {
      const receiving = await connection.tail?.([name], () => heard++);
      const wanted = heard + 1;
      await send(connection, messageOf(name, 2));
      await until('the event', () => heard >= wanted);
      await receiving?.stop();
    }

    const after = [await admin.listTopics(), [...(await admin.listGroups()).keys()]].flat().length;
    expect(after - before).toBe(0);
  });

  it('with topology: "check" missing topics are an error that names all of them, and nothing is made', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const admin = await openAdmin();
    const { connection } = await connect(service, { topology: 'check' });

    const declaring = connection.declare([specOf('read', name)]);
    const dead = `mapbus.dead.${service.replaceAll('-', '--')}`;
    const retry = `mapbus.retry.${service.replaceAll('-', '--')}.read`;
    await expect(declaring).rejects.toThrow(
      `Missing at Kafka: topic ${eventTopic(name)}, topic ${dead}, topic ${retry}. bus.plan() says`,
    );
    const publishing = send(connection, messageOf(name, 1));
    await expect(publishing).rejects.toMatchObject({ outcome: 'not-sent' });

    expect((await admin.listTopics()).filter((topic) => topic.includes(name))).toEqual([]);
  });

  it('processes that start at once make the same topics together', async () => {
    const [service, names] = [unique('s'), range(12).map(() => unique('e'))];
    const specs = names.map((name) => specOf(`reads-${name}`, name));
    const processes = await Promise.all(range(6).map(() => connect(service, { partitions: 20 })));

    // Each begins with another one, so that it asks for topics that the broker does not know yet.
    const declaring = processes.map(({ connection }, n) =>
      connection.declare([...specs.slice(2 * n), ...specs.slice(0, 2 * n)]),
    );
    const errors = (await Promise.allSettled(declaring)).filter(({ status }) => status === 'rejected');

    const admin = await openAdmin();
    const made = (await admin.listTopics()).filter((topic) => names.some((name) => topic.endsWith(name)));
    await admin.deleteTopics({ topics: made });
    expect([errors, made.length]).toEqual([[], 24]);
  });

  it('plan tells all that has to exist, so that topology: "check" works', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const admin = await openAdmin();
    const { connection } = await connect(service, { topology: 'check' });
    const spec = specOf('read', name);

    const lines = connection.plan?.([spec]) ?? [];
    for (const line of lines) {
      const [kind = '', topic = '', count = '', ...configs] = line.split(' ');
      if (kind !== 'topic') continue;
      await admin.createTopics({
        topics: [topic],
        partitions: Number(count.split('=')[1]),
        replicas: 1,
        configs: configs.map((each) => {
          const [key = '', value = ''] = each.split('=');
          return { name: key, value };
        }),
      });
    }
    await declareSoon(connection, spec);
    const seen: unknown[] = [];
    await receive(connection, spec, async (delivery) => {
      seen.push(dataOf(delivery));
      return dataOf(delivery) === 'dies' ? DEAD : DONE;
    });
    await sendAll(connection, name, ['lives', 'dies']);

    await until('both', () => seen.length >= 2);
    await until('the letter', async () => (await lettersOf(connection)).length === 1);
    expect(lines.filter((line) => line.startsWith('group'))).toEqual([`group mapbus.${service}.read`]);
  });

  it('a consumer that cannot be in force keeps no later one out of force', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const { connection } = await connect(service);
    // Its event name is no topic that Kafka takes: a bus would have refused it before.
    const bad = connection.declare([specOf('bad', `${name}/bad`)]);
    await expect(bad).rejects.toThrow();

    const seen: unknown[] = [];
    await receive(connection, specOf('good', name), async (delivery) => {
      seen.push(dataOf(delivery));
      return DONE;
    });
    await send(connection, messageOf(name, 1));

    await until('the event', () => seen.length === 1);
  });

  it('refuses names that are no topics', async () => {
    const { connection } = await connect(unique('s'));

    expect(connection.refuseName?.('order.placed')).toBeUndefined();
    expect(connection.refuseName?.('order placed')).toMatch(/letters, digits/);
    expect(connection.refuseName?.('größe')).toMatch(/letters, digits/);
    expect(connection.refuseName?.('x'.repeat(300))).toMatch(/249 characters/);
    const name = `${'-'.repeat(100)}`;
    expect(connection.refuseConsumer?.(specOf(name, 'x', { formerly: name }))).toBeUndefined();
    const long = await connect('-'.repeat(100));
    expect(long.connection.refuseConsumer?.(specOf(name, 'x'))).toMatch(/249 characters/);
  });

  it('health tells when the broker was lost', async () => {
    const { connection } = await connect(unique('s'));

    // It connects by itself.
    await expect.poll(() => connection.health().connected).toBe(true);
    await connection.close();
    expect(connection.health().connected).toBe(false);
  });
});

describe('options of kafka', () => {
  const brokers = ['localhost:9092'];

  it.each<[unknown, RegExp]>([
    [{}, /kafka options.brokers: expected array/],
    [{ brokers: [] }, /kafka options.brokers: expected a list of host:port/],
    [{ brokers: ['localhost'] }, /kafka options.brokers: expected a list of host:port/],
    [{ brokers: ['kafka://localhost:9092'] }, /kafka options.brokers: expected a list of host:port/],
    [{ brokers: [9092] }, /kafka options.brokers: expected a list of host:port/],
    [{ brokers, topology: 'none' }, /kafka options.topology: expected "declare" or "check", got "none"/],
    [{ brokers, from: 'latest' }, /kafka options.from: expected "now" or "earliest", got "latest"/],
    [{ brokers, partitions: 0 }, /kafka options.partitions: expected positive integer, got 0/],
    [{ brokers, instanceId: 'a b' }, /kafka options.instanceId: expected/],
    [{ brokers, service: 'billing' }, /kafka options: unknown option service/],
  ])('refuses %j', (options, message) => {
    expect(() => kafka(options as KafkaOptions)).toThrow(message);
  });
});
