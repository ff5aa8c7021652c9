import type { ConsumerSpec } from 'mapbus/transport';
import { describe, expect, it, onTestFinished } from 'vitest';
import { kafkaProxy } from '../../../scripts/services/kafka.ts';
import { createFaultProxy } from '../../../scripts/services/proxy.ts';
import {
  after,
  connect,
  DONE,
  dataOf,
  deadTopic,
  declareSoon,
  eventTopic,
  groupOf,
  kinds,
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

describe.each(kinds)('where a consumer begins, over %s', () => {
  it('begins at the same place when four processes start at once under load', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const writer = await connect('writer');
    await sendAll(writer.connection, name, range(50));
    const seen = new Set<unknown>();
    const processes = await Promise.all(range(4).map(() => connect(service)));
    const late: number[] = [];
    let isPublishing = true;
    let isInForce = false;
    const publishing = (async () => {
      for (let n = 1_000; isPublishing; n++) {
        if (isInForce) late.push(n);
        await send(writer.connection, messageOf(name, n));
      }
    })();

    const starting = processes.map(async ({ connection }) => {
      await connection.declare([specOf('read', name)]);
      isInForce = true;
      await connection.consume(specOf('read', name), async (delivery) => {
        seen.add(dataOf(delivery));
        return DONE;
      });
    });
    await Promise.all(starting);
    await until('100 events', () => late.length >= 100);
    isPublishing = false;
    await publishing;

    await until('all events since the first was in force', () => late.every((n) => seen.has(n)));
    expect(range(50).filter((n) => seen.has(n))).toEqual([]);
  });

  it('loses nothing of an event name that it adds to a running group when its first process dies at once', async () => {
    const [service, before, added] = [unique('s'), unique('e'), unique('e')];
    const { connection: writer } = await connect('writer');
    await sendAll(writer, added, ['too early']);
    const old = await connect(service);
    await receive(old.connection, specOf('read', before), async () => DONE);
    const spec = specOf('read', before, { names: [before, added] });
    const first = await connect(service);
    await receive(first.connection, spec, () => new Promise(() => {}));
    first.process.freeze();
    await sendAll(writer, added, range(10));

    const seen: unknown[] = [];
    const second = await connect(service);
    await receive(second.connection, spec, async (delivery) => {
      seen.push(dataOf(delivery));
      return DONE;
    });

    await until('the events since the first process was in force', () => seen.length >= 10);
    expect([...seen].sort()).toEqual(range(10));
  });

  it('begins with what Kafka still has by from: "earliest"', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const { connection } = await connect(service, { from: 'earliest' });
    await sendAll(connection, name, range(30));
    const seen = new Set<unknown>();

    await receive(connection, specOf('read', name), async (delivery) => {
      seen.add(dataOf(delivery));
      return DONE;
    });

    await until('the events from before', () => seen.size === 30);
  });

  it('loses nothing when Kafka has forgotten the offsets of a consumer that nobody ran', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const admin = await openAdmin();
    const first = await connect(service);
    await first.connection.declare([specOf('read', name)]);
    await first.connection.close();
    const { connection: writer } = await connect('writer');
    await sendAll(writer, name, range(20));
    // As after seven days.
    await admin.deleteGroups({ groups: [groupOf(service, 'read')] });

    const seen = new Set<unknown>();
    const second = await connect(service);
    await receive(second.connection, specOf('read', name), async (delivery) => {
      seen.add(dataOf(delivery));
      return DONE;
    });

    await until('the events', () => seen.size === 20);
    expect(second.logged('event_consumer_offsets_missing')).toHaveLength(1);
  });

  it('goes on with the oldest event, and reports how many are missing, when retention was shorter than its absence', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const admin = await openAdmin();
    const first = await connect(service, { partitions: 1 });
    const seen: unknown[] = [];
    const spec = specOf('read', name);
    await receive(first.connection, spec, async (delivery) => {
      seen.push(dataOf(delivery));
      return DONE;
    });
    const { connection: writer } = await connect('writer');
    await send(writer, messageOf(name, 'before'));
    await until('the first event', () => seen.includes('before'));
    await first.connection.close();
    await sendAll(writer, name, range(20));
    await admin.deleteRecords({ topics: [{ name: eventTopic(name), partitions: [{ partition: 0, offset: 11n }] }] });

    const second = await connect(service);
    await receive(second.connection, spec, async (delivery) => {
      seen.push(dataOf(delivery));
      return DONE;
    });

    await until('what is left', () => seen.length >= 11);
    expect(seen.slice(1)).toEqual(range(20).slice(10));
    const lost = { consumer: 'read', topic: eventTopic(name), partition: 0, count: 10, reason: 'retention' };
    expect(second.logged('event_lost').map(({ level, fields }) => [level, fields])).toEqual([['error', lost]]);
  });

  it('goes on when retention takes away what a running consumer has not read', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const admin = await openAdmin();
    const { connection, logged } = await connect(service, { partitions: 1, maxUncommitted: 5 });
    const seen: unknown[] = [];
    let letGo = () => {};
    const gate = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    await receive(connection, specOf('read', name, { concurrency: 1 }), async (delivery) => {
      seen.push(dataOf(delivery));
      await gate;
      return DONE;
    });
    for (const n of range(30)) await send(connection, messageOf(name, n));
    await until('the first event', () => seen.length === 1);
    await admin.deleteRecords({ topics: [{ name: eventTopic(name), partitions: [{ partition: 0, offset: 20n }] }] });

    letGo();

    await until('the last event', () => seen.includes(29));
    expect(seen.filter((n) => Number(n) >= 20)).toEqual(range(30).slice(20));
    expect(logged('event_lost').map(({ fields }) => fields.count)).toEqual([15]);
  });

  it('reads partitions that are added later from their beginning', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const admin = await openAdmin();
    const seen = new Set<unknown>();
    const processes = await Promise.all(range(2).map(() => connect(service, { connection: { metadataMaxAge: 300 } })));
    for (const { connection } of processes)
      await receive(connection, specOf('read', name), async (delivery) => {
        seen.add(dataOf(delivery));
        return DONE;
      });

    await admin.createPartitions({
      topics: [{ name: eventTopic(name), count: 8, assignments: range(5).map(() => ({ brokerIds: [1] })) }],
    });
    const { connection: writer } = await connect('writer');
    await sendAll(writer, name, range(80));

    await until('all events', () => seen.size === 80);
  });

  it('goes on when a topic is deleted and made anew', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const admin = await openAdmin();
    const { connection } = await connect(service, { connection: { metadataMaxAge: 300 } });
    const seen: unknown[] = [];
    await receive(connection, specOf('read', name), async (delivery) => {
      seen.push(dataOf(delivery));
      return DONE;
    });
    await sendAll(connection, name, range(9));
    await until('the first events', () => seen.length === 9);

    await admin.deleteTopics({ topics: [eventTopic(name)] });
    await sendAll(
      connection,
      name,
      range(20).map((n) => `again ${n}`),
    );

    await until('the events of the new topic', () => new Set(seen).size === 29);
  });

  it('goes on when its topics were deleted while it had lost its session', async () => {
    const proxy = await createFaultProxy(kafkaProxy.target, kafkaProxy.port);
    onTestFinished(() => proxy.close());
    const [service, name] = [unique('s'), unique('e')];
    const { connection } = await connect(service, {
      brokers: [`127.0.0.1:${proxy.port}`],
      connection: { metadataMaxAge: 300 },
    });
    const seen: unknown[] = [];
    const deliver = async (delivery: Parameters<typeof dataOf>[0]) => {
      seen.push(dataOf(delivery));
      return DONE;
    };
    await receive(connection, specOf('read', name), deliver);
    const { connection: writer } = await connect('writer');
    await send(writer, messageOf(name, 1));
    await until('the first event', () => seen.includes(1));
    const admin = await openAdmin();

    proxy.stall(true);
    await after(4_000);
    await admin.deleteTopics({ topics: [eventTopic(name), retryTopic(service, 'read')] });
    proxy.stall(false);
    proxy.cut();

    await until('an event of the new topic', async () => {
      await send(writer, messageOf(name, 2), AbortSignal.timeout(2_000)).catch(() => {});
      return seen.includes(2);
    });
  });

  it('gives an event name up when it moves to another, also while an old process still consumes it', async () => {
    const [service, before, now] = [unique('s'), unique('e'), unique('e')];
    const admin = await openAdmin();
    const old = await connect(service);
    await receive(old.connection, specOf('read', before), async () => DONE);
    const { connection } = await connect(service);
    await receive(connection, specOf('read', now), async () => DONE);

    await old.connection.close();

    const topicsOf = async () => {
      const [group] = await admin.listConsumerGroupOffsets({ groups: [groupOf(service, 'read')] });
      return (group?.topics ?? []).map((topic) => topic.name);
    };
    await until('the old name to be given up', async () => !(await topicsOf()).includes(eventTopic(before)));
    expect(await topicsOf()).toContain(eventTopic(now));
  });

  it('hands what waits for a retry to the new name of a renamed consumer, and removes the old topic', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const admin = await openAdmin();
    const old = await connect(service);
    let failures = 0;
    await receive(old.connection, specOf('before', name), async ({ attempt }) => {
      failures++;
      return { is: 'retry', attempt: attempt + 1, afterMs: 1_500, error: { name: 'Error', message: 'no' } };
    });
    await sendAll(old.connection, name, range(5));
    await until('five failures', () => failures === 5);
    await old.connection.close();

    const seen: unknown[] = [];
    const { connection } = await connect(service);
    const spec = specOf('after', name, { formerly: 'before', retryDelaysMs: [1_500] });
    await receive(connection, spec, async (delivery) => {
      seen.push([dataOf(delivery), delivery.attempt]);
      return DONE;
    });

    await until('the retries', () => seen.length >= 5);
    expect(seen.sort()).toEqual(range(5).map((n) => [n, 2]));
    expect((await admin.listTopics()).filter((topic) => topic.endsWith(`${service}.before`))).toEqual([]);
  });

  it('copies what waits for a retry once, however many processes of the new version start', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const old = await connect(service);
    let failures = 0;
    await receive(old.connection, specOf('before', name), async ({ attempt }) => {
      failures++;
      return { is: 'retry', attempt: attempt + 1, afterMs: 3_000, error: { name: 'Error', message: 'no' } };
    });
    await sendAll(old.connection, name, range(20));
    await until('the failures', () => failures === 20);
    const seen: unknown[] = [];
    const processes = await Promise.all(range(5).map(() => connect(service)));
    const spec = specOf('after', name, { formerly: 'before', retryDelaysMs: [3_000] });
    for (const { connection } of processes)
      await receive(connection, spec, async (delivery) => {
        seen.push(dataOf(delivery));
        return DONE;
      });

    await old.connection.close();

    await until('the retries', () => new Set(seen).size === 20);
    const [marker] = processes;
    if (marker) await sendAll(marker.connection, name, ['last']);
    await until('the last event', () => seen.includes('last'));
    // Copies would be due at the same time.
    await after(3_500);
    expect(seen).toHaveLength(21);
  });

  it('begins with the oldest event where Kafka has forgotten the offsets of the former name', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const old = await connect(service);
    await old.connection.declare([specOf('before', name)]);
    await old.connection.close();
    const { connection: writer } = await connect('writer');
    await sendAll(writer, name, range(5));
    const admin = await openAdmin();
    // As after seven days.
    await admin.deleteGroups({ groups: [groupOf(service, 'before')] });

    const seen = new Set<unknown>();
    const { connection, logged } = await connect(service);
    await receive(connection, specOf('after', name, { formerly: 'before' }), async (delivery) => {
      seen.add(dataOf(delivery));
      return DONE;
    });

    await until('the events', () => seen.size === 5);
    expect(logged('event_consumer_offsets_missing')).toHaveLength(1);
  });

  describe('where an operator has made the topics', () => {
    const open = async () => {
      const [service, name] = [unique('s'), unique('e')];
      const admin = await openAdmin();
      const { connection: writer } = await connect('writer');
      await sendAll(writer, name, range(5));
      const make = (consumer: string) =>
        admin.createTopics({
          topics: [retryTopic(service, consumer), deadTopic(service)],
          partitions: 1,
          replicas: 1,
          configs: [{ name: 'cleanup.policy', value: 'compact' }],
        });
      await make('read');
      const start = async (spec: ConsumerSpec) => {
        const seen: unknown[] = [];
        const { connection, logged } = await connect(service, { topology: 'check' });
        await declareSoon(connection, spec);
        await receive(connection, spec, async (delivery) => {
          seen.push(dataOf(delivery));
          return DONE;
        });
        return { connection, logged, seen };
      };
      return { service, name, admin, writer, start };
    };

    it('a new consumer begins with what is published from then on', async () => {
      const { name, writer, start } = await open();
      const { logged, seen } = await start(specOf('read', name));

      await sendAll(writer, name, ['new']);

      await until('the new event', () => seen.includes('new'));
      expect([seen, logged('event_consumer_offsets_missing')]).toEqual([['new'], []]);
    });

    it('a consumer whose offsets are forgotten begins with the oldest event', async () => {
      const { service, name, admin, start } = await open();
      const before = await start(specOf('read', name));
      await before.connection.close();
      await admin.deleteGroups({ groups: [groupOf(service, 'read')] });

      const { logged, seen } = await start(specOf('read', name));

      await until('the old events', () => seen.length === 5);
      expect(logged('event_consumer_offsets_missing')).not.toEqual([]);
    });

    it('a renamed consumer takes over the position of its former name, and goes on from there', async () => {
      const { service, name, admin, writer, start } = await open();
      const before = await start(specOf('read', name));
      await before.connection.close();
      await sendAll(writer, name, ['between']);
      await admin.createTopics({ topics: [retryTopic(service, 'after')], partitions: 1, replicas: 1 });

      const { logged, seen } = await start(specOf('after', name, { formerly: 'read' }));

      await until('the event from between', () => seen.includes('between'));
      expect([seen, logged('event_consumer_offsets_missing')]).toEqual([['between'], []]);
    });
  });
});
