import { describe, expect, it, onTestFinished } from 'vitest';
import { kafkaProxy } from '../../../scripts/services/kafka.ts';
import { createFaultProxy } from '../../../scripts/services/proxy.ts';
import {
  after,
  connect,
  DONE,
  dataOf,
  kinds,
  messageOf,
  range,
  receive,
  send,
  sendAll,
  specOf,
  unique,
  until,
} from './tools.ts';

const openProxy = async () => {
  const proxy = await createFaultProxy(kafkaProxy.target, kafkaProxy.port);
  onTestFinished(() => proxy.close());
  return { proxy, brokers: [`127.0.0.1:${proxy.port}`] };
};

describe.each(kinds)('links that break, over %s', () => {
  it('a publisher gets over a connection whose bytes just stop, though nobody cuts it', async () => {
    const { proxy, brokers } = await openProxy();
    const [service, name] = [unique('s'), unique('e')];
    const { connection } = await connect(service, { brokers, context: { publishTimeoutMs: 3_000 } });
    await send(connection, messageOf(name, 1));

    proxy.stall(true, { newOnesToo: false });
    const startedAt = performance.now();
    await send(connection, messageOf(name, 2), AbortSignal.timeout(20_000));

    expect(performance.now() - startedAt).toBeLessThan(3_000);
  });

  it('health counts how often the connection was there again after a cut', async () => {
    const { proxy, brokers } = await openProxy();
    const name = unique('e');
    const { connection } = await connect(unique('s'), { brokers });
    await send(connection, messageOf(name, 1));
    expect(connection.health().reconnects).toBe(0);

    proxy.cut();
    await until('the end of the connection', () => !connection.health().connected);
    await send(connection, messageOf(name, 2), AbortSignal.timeout(20_000));

    expect(connection.health()).toMatchObject({ connected: true, reconnects: 1 });
  });

  it('a consumer gets over a connection whose bytes just stop, though nobody cuts it', async () => {
    const { proxy, brokers } = await openProxy();
    const [service, name] = [unique('s'), unique('e')];
    const { connection } = await connect(service, { brokers, sessionTimeoutMs: 5_000 });
    const seen: unknown[] = [];
    await receive(connection, specOf('read', name), async (delivery) => {
      seen.push(dataOf(delivery));
      return DONE;
    });
    const { connection: writer } = await connect('writer');
    await send(writer, messageOf(name, 1));
    await until('the first event', () => seen.length === 1);

    proxy.stall(true, { newOnesToo: false });
    await send(writer, messageOf(name, 2));
    const startedAt = performance.now();

    await until('the second event', () => seen.includes(2), 20_000);
    expect(performance.now() - startedAt).toBeLessThan(15_000);
  });

  it('a consumer whose window is full goes on when its commit was cut off', async () => {
    const { proxy, brokers } = await openProxy();
    const [service, name] = [unique('s'), unique('e')];
    const { connection, logged } = await connect(service, { brokers, partitions: 1, maxUncommitted: 10 });
    const seen = new Set<unknown>();
    let end = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    await receive(connection, specOf('read', name), async (delivery) => {
      seen.add(dataOf(delivery));
      if (dataOf(delivery) === 0) await ended;
      return DONE;
    });
    const { connection: writer } = await connect('writer');
    for (const n of range(20)) await send(writer, messageOf(name, n));
    await until('a full window', () => seen.size === 10);

    proxy.cut();
    end();

    await until('the other events', () => seen.size === 20);
    expect(logged('event_commit_failed')).not.toEqual([]);
  });

  it('the order of a key survives a link that is cut each 100 ms', async () => {
    const { proxy, brokers } = await openProxy();
    const [service, name] = [unique('s'), unique('e')];
    const { connection: reader } = await connect(service);
    const seen = new Map<string, number[]>();
    await receive(reader, specOf('read', name, { order: 'key', concurrency: 50 }), async (delivery) => {
      const key = delivery.key ?? '';
      seen.set(key, [...(seen.get(key) ?? []), Number(dataOf(delivery))]);
      return DONE;
    });
    const { connection } = await connect('writer', { brokers });
    const keys = range(50).map(String);

    let cuts = 0;
    const cutting = setInterval(() => {
      cuts++;
      proxy.cut();
    }, 100);
    const publishing: Promise<unknown>[] = [];
    for (const n of range(100)) {
      // Not one after another: what fails must not be overtaken.
      for (const key of keys)
        publishing.push(send(connection, messageOf(name, n, { key }), AbortSignal.timeout(30_000)));
      await after(20);
    }
    await Promise.all(publishing);
    clearInterval(cutting);

    const firsts = (key: string) => [...new Set(seen.get(key))];
    await until('all events', () => keys.every((key) => firsts(key).length === 100));
    expect(cuts).toBeGreaterThan(10);
    expect(keys.filter((key) => firsts(key).join() !== range(100).join())).toEqual([]);
  });

  it('a publish that is aborted after it was sent has an unknown outcome, and one that never was is not sent', async () => {
    const { proxy, brokers } = await openProxy();
    const name = unique('e');
    const { connection } = await connect('writer', { brokers, context: { publishTimeoutMs: 1_500 } });
    await send(connection, messageOf(name, 1));
    proxy.stall(true);
    const outcomeOf = (data: unknown) =>
      send(connection, messageOf(name, data), AbortSignal.timeout(1_000)).then(
        () => 'taken',
        ({ outcome = 'unknown' }) => outcome,
      );

    const first = outcomeOf(2);
    await after(50);
    const behind = outcomeOf(3);

    expect(await Promise.all([first, behind])).toEqual(['unknown', 'not-sent']);
    proxy.stall(false);
  });

  it('events that are published in one batch with one that is too large are taken', async () => {
    const [service, name] = [unique('s'), unique('e')];
    const { connection } = await connect(service);
    const seen = new Set<unknown>();
    await receive(connection, specOf('read', name), async (delivery) => {
      seen.add(dataOf(delivery));
      return DONE;
    });

    const large = send(connection, messageOf(name, 'x'.repeat(1_100_000))).then(
      () => 'taken',
      ({ outcome }) => outcome,
    );
    await sendAll(connection, name, range(20));

    expect(await large).toBe('not-sent');
    await until('the others', () => seen.size === 20);
  });
});
