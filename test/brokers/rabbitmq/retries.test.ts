import type { Delivery } from 'mapbus/transport';
import { afterAll, describe, expect, it } from 'vitest';
import { available } from '../support.ts';
import {
  ctl,
  DEAD,
  DONE,
  dataOf,
  eventually,
  join,
  openClient,
  openHost,
  type Process,
  queuesOf,
  range,
  receive,
  retryOf,
  send,
  specOf,
  unique,
} from './support.ts';

const isThere = (await available(['rabbitmq'])).length > 0;

describe.runIf(isThere)('retries over RabbitMQ', { timeout: 60_000 }, async () => {
  const host = await openHost('retries');
  const client = openClient(host.url);
  afterAll(async () => {
    client.unsafeDestroy();
    await host.close();
  });

  /** Consumes, and fails so often. Gives the attempts that it has had. */
  const failTimes = async (times: number, process: Process, name: string): Promise<readonly number[]> => {
    const attempts: number[] = [];
    await receive(process, specOf('read', name), async ({ attempt }) => {
      attempts.push(attempt);
      return attempt <= times ? retryOf(attempt + 1, 1_000) : DONE;
    });
    return attempts;
  };

  /** Retries of a consumer whose queue cannot take them, and one retry of a consumer beside it. Gives how late that came. */
  const measureBystander = async (spoil: (queue: string) => Promise<void>): Promise<number> => {
    const [service, name, other] = [unique('shop'), unique('order'), unique('other')];
    const process = join(host.url, service);
    let retried = 0;
    const spoilt = await receive(process, specOf('spoilt', name, { concurrency: 40 }), async () => {
      retried++;
      return retryOf(2, 1_000);
    });
    for (const data of range(40)) await send(process, name, data);
    await eventually('40 retries', () => retried >= 40);
    await spoilt.stop();
    await spoil(`mapbus.queue.${service}.spoilt`);
    let failedAt = 0;
    let lateMs: number | undefined;
    await receive(process, specOf('steady', other), async ({ attempt }) => {
      if (attempt === 1) {
        failedAt = performance.now();
        return retryOf(2, 2_000);
      }
      lateMs = performance.now() - failedAt - 2_000;
      return DONE;
    });
    await send(process, other, 1);
    const late = await eventually('the retry', () => lateMs);
    await process.close();
    return late;
  };

  it('of 40 events to a queue that is gone do not delay those of another consumer', async () => {
    const late = await measureBystander(async (queue) => {
      await client.queueDelete({ queue });
    });
    expect(late).toBeLessThan(1_000);
  });

  it('of 40 events to a queue that is full do not delay those of another consumer', async () => {
    const late = await measureBystander(async (queue) => {
      await host.ctl('set_policy', queue, `^${queue}$`, '{"max-length":1,"overflow":"reject-publish"}');
      for (const _ of range(3)) await client.createPublisher().send({ routingKey: queue, durable: true }, 'x');
    });
    expect(late).toBeLessThan(1_000);
  });

  it('that their queue does not confirm are told of, and come once it does', async () => {
    const [service, name] = [unique('shop'), unique('order')];
    const process = join(host.url, service);
    const attempts = await failTimes(1, process, name);
    // RabbitMQ calls the process of a quorum queue by its virtual host and its name.
    const retryQueue = `'${host.host}_mapbus.retry.1000.${service}.read'`;
    await ctl('eval', `sys:suspend(${retryQueue}).`);
    await send(process, name, 1);

    try {
      await eventually(
        'the line of the log',
        () => process.reported.some(({ message }) => message === 'event_outcome_delayed'),
        20_000,
      );
    } finally {
      await ctl('eval', `sys:resume(${retryQueue}).`);
    }
    await eventually('the retry', () => attempts.includes(2));
    await process.close();
  });

  it('come also when an operator has deleted the retry queues', async () => {
    const [service, name] = [unique('shop'), unique('order')];
    const process = join(host.url, service);
    const attempts = await failTimes(2, process, name);
    const levels = (await queuesOf(host)).filter(
      (queue) => queue.startsWith('mapbus.retry.') && queue.endsWith(`${service}.read`),
    );
    expect(levels).not.toEqual([]);
    for (const queue of levels) await client.queueDelete({ queue });

    await send(process, name, 1);

    await eventually('the third attempt', () => attempts.length === 3);
    expect(attempts).toEqual([1, 2, 3]);
    expect(process.reported.map(({ message }) => message)).toContain('event_queue_missing');
    await process.close();
  });

  it('become dead letters also when an operator has deleted their queue', async () => {
    const [service, name] = [unique('shop'), unique('order')];
    const process = join(host.url, service);
    await process.declare([specOf('read', name)]);
    await client.queueDelete({ queue: `mapbus.dead.${service}` });
    await process.consume(specOf('read', name), async () => DEAD);

    await send(process, name, 1);

    const letters = await eventually('the dead letter', async () => {
      const page = await process.deadLetters?.page({ limit: 10 });
      return page?.letters.length === 1 ? page.letters : undefined;
    });
    expect(letters.map(dataOf)).toEqual([1]);
    await process.close();
  });

  it('come also when a producer has copied the headers that the broker writes', async () => {
    const [service, name] = [unique('shop'), unique('order')];
    const process = join(host.url, service);
    const seen: Delivery[] = [];
    await receive(process, specOf('read', name), async (delivery) => {
      seen.push(delivery);
      return delivery.attempt < 3 ? retryOf(delivery.attempt + 1, 125) : DONE;
    });
    const queue = `mapbus.queue.${service}.read`;
    const death = { queue, reason: 'expired', count: 1, exchange: '', 'routing-keys': [queue], time: 1 };
    const publisher = client.createPublisher({ confirm: true });

    await publisher.send(
      {
        exchange: 'mapbus.events',
        routingKey: name,
        headers: { 'x-death': [death], 'x-first-death-queue': queue, 'x-first-death-reason': 'expired', own: 'kept' },
      },
      Buffer.from('{}'),
    );

    await eventually('three attempts', () => seen.length === 3);
    expect(seen.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    expect(seen.map(({ headers }) => headers)).toEqual([{ own: 'kept' }, { own: 'kept' }, { own: 'kept' }]);
    await publisher.close();
    await process.close();
  });

  it('have no attempt that a producer wrote who publishes to the queue itself, out of bounds', async () => {
    const [service, name] = [unique('shop'), unique('order')];
    const process = join(host.url, service);
    const attempts: number[] = [];
    await receive(process, specOf('read', name), async ({ attempt }) => {
      attempts.push(attempt);
      return DONE;
    });
    const publisher = client.createPublisher({ confirm: true });

    for (const value of [-1_000_000_000, 0, 1.5, 10_001, 'NaN', '', null, true, { a: 1 }])
      await publisher.send(
        { routingKey: `mapbus.queue.${service}.read`, headers: { 'mapbus-attempt': value } },
        Buffer.from('{}'),
      );

    await eventually('nine events', () => attempts.length === 9);
    expect(new Set(attempts)).toEqual(new Set([1]));
    await publisher.close();
    await process.close();
  });

  it('keep bodies of every type byte for byte', async () => {
    const [service, name] = [unique('shop'), unique('order')];
    const process = join(host.url, service);
    const seen: string[] = [];
    await receive(process, specOf('read', name), async ({ body, attempt }) => {
      seen.push(Buffer.from(body).toString('latin1'));
      return attempt < 2 ? retryOf(2, 125) : DONE;
    });
    const publisher = client.createPublisher({ confirm: true });
    const bodies = ['{"n": 12345678901234567890, "f":1.0}', '\u00ff\u00fe\u0000'];

    for (const contentType of ['application/json', 'text/plain'])
      for (const body of bodies)
        await publisher.send({ exchange: 'mapbus.events', routingKey: name, contentType }, Buffer.from(body, 'latin1'));

    await eventually('eight attempts', () => seen.length === 8);
    expect(new Set(seen)).toEqual(new Set(bodies));
    await publisher.close();
    await process.close();
  });
});
