import type { Database } from 'mapbus/postgres';
import { createServiceBus } from 'mapbus/service';
import type { Transport } from 'mapbus/transport';
import { transportFromUrl } from 'mapbus/url';
import { expect, expectTypeOf, it } from 'vitest';

const connectTo = async (url: string) => {
  const { connect } = await transportFromUrl(url);
  const connection = connect({
    service: 'billing',
    namespace: '',
    sends: 'all',
    publishTimeoutMs: 1_000,
    report: () => {},
  });
  await connection.close();
  return connection;
};

it('gives a transport in memory for memory:', async () => {
  const transport = await transportFromUrl('memory:');
  const seen: unknown[] = [];
  const bus = createServiceBus<{ ping: { n: number } }>({ service: 'a', transport, sends: 'all' });
  bus.consume('ping', 'keep', (payload) => seen.push(payload));
  await bus.ready();

  await bus.publish('ping', { n: 1 });
  await bus.idle();

  expect(seen).toEqual([{ n: 1 }]);
  await bus.close();
});

it.each([undefined, ''])('throws a TypeError for %j', async (url) => {
  await expect(transportFromUrl(url as never)).rejects.toThrow(
    new TypeError("[mapbus] transportFromUrl: expected a URL, got none; write 'memory:' for memory"),
  );
});

it.each([
  ['amqp://localhost?heartbeet=1', 'heartbeet', 'topology, acquireTimeout'],
  ['amqp://localhost?partitions=1', 'partitions', 'topology, acquireTimeout'],
  ['kafka://host:9092?heartbeat=5', 'heartbeat', 'commitIntervalMs, from'],
  ['postgres://host/shop?heartbeat=5', 'heartbeat', 'createTables, leaseMs'],
  ['memory:?constructor=bar', 'constructor', 'maxDeadLetters'],
])('throws a TypeError for the unknown query key of %s', async (url, key, known) => {
  await expect(transportFromUrl(url)).rejects.toThrow(`unknown query key ${key}, expected ${known}`);
});

it.each([
  'amqp://guest:guest@localhost',
  'amqp://localhost/vhost?heartbeat=30&topology=check',
  'amqps://localhost',
  'kafka://one:9092,two:9092?partitions=6&from=earliest',
  'kafkas://user:pa:s%40s@one:9092?mechanism=SCRAM-SHA-512',
  'postgres://user:secret@127.0.0.1:1/shop?schema=events&leaseMs=1000&max=3&sslmode=disable',
])('gives a durable transport for %s', async (url) => {
  const { features } = await connectTo(url);

  expect(features.durable).toBe(true);
});

it('lists the schemes that it knows', async () => {
  await expect(transportFromUrl('redis://user:secret@host')).rejects.toThrow(
    new TypeError(
      '[mapbus] transportFromUrl: expected one of the schemes memory, amqp, amqps, kafka, kafkas, postgres, postgresql, got "redis"',
    ),
  );
});

it.each([
  ['amqp://user:secret@', 'rabbitmq options.url'],
  ['postgres://user:secret@', 'expected postgres://, a host and a database'],
  ['postgres://user:secret@host/shop?leaseMs=long', 'postgres options.leaseMs: expected positive milliseconds'],
  ['postgres://user:secret@host/shop?schema=a.b', 'postgres options.schema'],
  ['postgres://user:secret@host/shop?createTables=maybe', 'postgres options.createTables'],
  ['amqp://user:secret@host?topology=guess', 'rabbitmq options.topology'],
  ['kafka://user:secret@host', 'kafka options.brokers: expected a list of host:port'],
  ['kafka://user:secret@host:1?partitions=many', 'kafka options.partitions: expected positive integer, got NaN'],
  ['kafka://user:secret@host:1?partitions=', 'kafka options.partitions: expected positive integer, got NaN'],
  ['kafka://user:secret@host:1?from=here', 'kafka options.from'],
  ['kafka://user:secret@host:1?mechanism=MD5', 'one of the mechanisms PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, got "MD5"'],
  ['kafka://user:secret%@host:1', 'a % that encodes nothing'],
])('refuses %s without telling the password', async (url, message) => {
  const error: unknown = await transportFromUrl(url).catch((reason) => reason);

  expect(error).toBeInstanceOf(TypeError);
  expect(String(error)).toContain(message);
  expect(String(error)).not.toContain('secret');
});

/** A database that answers nothing. */
const database: Database<{ readonly id: number }> = {
  query: () => new Promise(() => {}),
  transaction: () => new Promise(() => {}),
};

it('puts an outbox in a given database before another transport', async () => {
  const transport = await transportFromUrl('memory:', { database });
  expectTypeOf(transport).toEqualTypeOf<Transport<{ readonly id: number }>>();

  const { features } = transport.connect({
    service: 'a',
    namespace: '',
    sends: 'all',
    publishTimeoutMs: 1_000,
    report: () => {},
  });

  expect([features.enlists, features.durable]).toEqual([true, false]);
});

it('uses a given database for postgres: alone', async () => {
  const { connect } = await transportFromUrl('postgres:', { database });

  const { features } = connect({
    service: 'a',
    namespace: '',
    sends: 'all',
    publishTimeoutMs: 1_000,
    report: () => {},
  });

  expect([features.enlists, features.durable]).toEqual([true, true]);
});
