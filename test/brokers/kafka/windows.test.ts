import type { KafkaOptions } from 'mapbus/kafka';
import { describe, expect, it } from 'vitest';
import {
  after,
  connect,
  DONE,
  dataOf,
  eventTopic,
  groupOf,
  kinds,
  openAdmin,
  range,
  receive,
  retryOf,
  sendAll,
  specOf,
  unique,
  until,
} from './tools.ts';

describe.each(kinds)('how much may come twice, over %s', () => {
  it('one handler that hangs makes no more events come again after a crash than were read past the commit', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const maxUncommitted = 100;
    const first = await connect(service, { partitions: 1, maxUncommitted });
    const before = new Set<unknown>();
    await receive(first.connection, specOf('read', name), async (delivery) => {
      before.add(dataOf(delivery));
      if (dataOf(delivery) === 0) await new Promise(() => {});
      return DONE;
    });
    const { connection: writer } = await connect('writer');
    await sendAll(writer, name, range(1_000));
    await until('the window to be full', () => before.size >= maxUncommitted);
    await after(500);
    expect(before.size).toBe(maxUncommitted);

    first.process.freeze();
    const again = new Set<unknown>();
    const second = await connect(service, { maxUncommitted });
    await receive(second.connection, specOf('read', name), async (delivery) => {
      again.add(dataOf(delivery));
      return DONE;
    });

    await until('all events', () => again.size === 1_000);
    expect([...before].filter((n) => again.has(n))).toHaveLength(maxUncommitted);
  });

  it('a retry that waits makes no event come again after a crash', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const first = await connect(service, { partitions: 1 });
    const before = new Set<unknown>();
    await receive(first.connection, specOf('read', name, { retryDelaysMs: [60_000] }), async (delivery) => {
      before.add(dataOf(delivery));
      return dataOf(delivery) === 0 ? retryOf(2, 60_000) : DONE;
    });
    const { connection: writer } = await connect('writer');
    await sendAll(writer, name, range(2_000));
    await until('2,000 events', () => before.size === 2_000);
    // The commit by interval.
    await after(500);

    first.process.freeze();
    const again: unknown[] = [];
    const second = await connect(service);
    await receive(second.connection, specOf('read', name, { retryDelaysMs: [60_000] }), async (delivery) => {
      again.push(dataOf(delivery));
      return DONE;
    });
    await sendAll(writer, name, ['next']);

    await until('the next event', () => again.includes('next'));
    expect(again).toEqual(['next']);
  });

  it('5,000 retries that wait hold up neither other events nor the close', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const { connection } = await connect(service);
    let failed = 0;
    const seen = new Set<unknown>();
    await receive(connection, specOf('read', name, { concurrency: 50, retryDelaysMs: [60_000] }), async (delivery) => {
      if (dataOf(delivery) === 'fails') {
        failed++;
        return retryOf(delivery.attempt + 1, 60_000);
      }
      seen.add(dataOf(delivery));
      return DONE;
    });
    await sendAll(
      connection,
      name,
      range(5_000).map(() => 'fails'),
    );
    await until('5,000 failures', () => failed >= 5_000);

    const publishedAt = performance.now();
    await sendAll(connection, name, range(1_000));
    await until('the other events', () => seen.size === 1_000);
    const othersMs = performance.now() - publishedAt;
    const startedAt = performance.now();
    await connection.close();

    expect(othersMs).toBeLessThan(2_000);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });

  it('retries come in time while all handlers of another consumer hang', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const { connection } = await connect(service);
    const attemptsAt: number[] = [];
    await receive(connection, specOf('hangs', name, { concurrency: 1 }), () => new Promise(() => {}));
    await receive(connection, specOf('fails', name), async ({ attempt }) => {
      attemptsAt.push(performance.now());
      return attempt === 1 ? retryOf(2, 300) : DONE;
    });

    await sendAll(connection, name, [1]);

    await until('the retry', () => attemptsAt.length === 2);
    const [first = 0, second = 0] = attemptsAt;
    expect(second - first).toBeGreaterThanOrEqual(299);
    expect(second - first).toBeLessThan(1_300);
  });
});

describe.each(kinds)('how often is committed, over %s', () => {
  /** A consumer with one partition, and the offsets that are seen to be committed, one after another. */
  const open = async (options: Partial<KafkaOptions>) => {
    const [service, name] = [unique('s'), unique('e')];
    const { connection } = await connect(service, { partitions: 1, ...options });
    let seen = 0;
    await receive(connection, specOf('read', name), async () => {
      seen++;
      return DONE;
    });
    const admin = await openAdmin();
    const committed = async () => {
      const [group] = await admin.listConsumerGroupOffsets({ groups: [groupOf(service, 'read')] });
      const topic = group?.topics.find((each) => each.name === eventTopic(name));
      return Number(topic?.partitions[0]?.committedOffset ?? 0);
    };
    return { connection, name, committed, countSeen: () => seen };
  };

  it('once in an interval, however many events are handled in it', async () => {
    const commitIntervalMs = 1_000;
    const { connection, name, committed, countSeen } = await open({ commitIntervalMs });
    const offsets = new Set<number>();
    const startedAt = performance.now();

    for (let count = 1; count <= 300; count++) {
      await sendAll(connection, name, [count]);
      offsets.add(await committed());
    }
    await until('the last commit', async () => offsets.add(await committed()).has(300));

    const intervals = (performance.now() - startedAt) / commitIntervalMs;
    expect(countSeen()).toBe(300);
    expect(offsets.size).toBeLessThanOrEqual(intervals + 2);
  });

  it('also before the interval has ended, when half of the window is handled', async () => {
    const commitIntervalMs = 20_000;
    const { connection, name, committed, countSeen } = await open({ commitIntervalMs, maxUncommitted: 100 });
    const startedAt = performance.now();

    await sendAll(connection, name, range(2_000));

    await until('all events', () => countSeen() === 2_000);
    await until('a commit', async () => (await committed()) >= 1_900);
    expect(performance.now() - startedAt).toBeLessThan(commitIntervalMs);
  });
});
