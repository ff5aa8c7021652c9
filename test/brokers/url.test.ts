import { createEventBus } from 'mapbus';
import { transportFromUrl } from 'mapbus/url';
import { describe, expect, it } from 'vitest';

describe('transportFromUrl', () => {
  it('gives the in-memory bus for memory:', async () => {
    expect(await transportFromUrl('memory:')).toBeUndefined();
  });

  it.each([undefined, ''])('throws a TypeError for %j', async (url) => {
    await expect(transportFromUrl(url as never)).rejects.toThrow(
      new TypeError("[mapbus] transportFromUrl: expected a URL, got none; write 'memory:' for memory"),
    );
  });

  it.each(['amqp://localhost?maxAttempt=1', 'kafka://host:9092?heartbeat=5', 'memory:?foo=bar'])(
    'throws a TypeError for the unknown query key of %s',
    async (url) => {
      await expect(transportFromUrl(url, { service: 'a' })).rejects.toThrow(
        /unknown query key \w+, expected prefetch, /,
      );
    },
  );

  it.each([
    ['amqp://guest:guest@localhost', false],
    ['amqp://localhost/vhost?heartbeat=30&singleActiveConsumer=true', true],
    ['amqps://localhost', false],
    ['kafka://one:9092,two:9092?partitions=6', true],
  ])('gives a durable transport for %s', async (url, orderedByKey) => {
    const transport = await transportFromUrl(url, { service: 'billing' });

    expect(transport?.features).toMatchObject({ durable: true, orderedByKey });
  });

  it('lists the schemes that it knows', async () => {
    await expect(transportFromUrl('redis://user:secret@host')).rejects.toThrow(
      new TypeError('[mapbus] transportFromUrl: expected one of the schemes memory, amqp, amqps, kafka, got "redis"'),
    );
  });

  it.each([
    ['amqp://user:secret@host', 'rabbitmq options.service'],
    ['amqp://user:secret@host?service=a%2Fb', 'rabbitmq options.service'],
    [
      'amqp://user:secret@host?service=a&prefetch=many',
      'rabbitmq options.prefetch: expected positive integer, got NaN',
    ],
    ['amqp://user:secret@?service=a', 'rabbitmq options.url'],
    ['kafka://user:secret@host?service=a', 'kafka options.brokers: expected a list of host:port'],
    ['kafka://host:9092?service=a&broadcast=perhaps', 'kafka options.broadcast: expected boolean, got "perhaps"'],
  ])('refuses %s without telling the password', async (url, message) => {
    const error: unknown = await transportFromUrl(url).catch((reason) => reason);

    expect(error).toBeInstanceOf(TypeError);
    expect(String(error)).toContain(message);
    expect(String(error)).not.toContain('secret');
  });

  it('tells at ready that credentials are refused, and never the password', async () => {
    const { ensureService } = await import('../../scripts/services/main.ts');
    const { url } = await ensureService('rabbitmq');
    const lines: string[] = [];
    const keep = (message: string, fields: object) =>
      void lines.push(JSON.stringify([message, String(Object.values(fields))]));
    const transport = await transportFromUrl(url.replace('guest:guest', 'guest:wrong-secret'), { service: 'billing' });
    const bus = createEventBus<{ e: number }>({ transport, logger: { debug: keep, warn: keep, error: keep } });
    bus.subscribe('e', () => {}, { name: 'keep' });

    const error: unknown = await bus.ready().catch((reason) => reason);
    await bus.close();

    expect(String(error)).toContain('RabbitMQ refuses');
    expect(`${error} ${lines.join()}`).not.toContain('wrong-secret');
  }, 30_000);
});
