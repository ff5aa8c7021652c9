import { setTimeout as sleep } from 'node:timers/promises';
import type { ConsumerSpec } from 'mapbus/transport';
import { afterAll, describe, expect, it } from 'vitest';
import { createFaultProxy } from '../../../scripts/services/proxy.ts';
import { createGate } from '../../support.ts';
import { available, stopOne } from '../support.ts';
import {
  ctl,
  DEAD,
  DONE,
  dataOf,
  eventually,
  join,
  openClient,
  openHost,
  range,
  receive,
  retryOf,
  send,
  specOf,
  unique,
} from './support.ts';

const isThere = (await available(['rabbitmq'])).length > 0;

describe.runIf(isThere)('consuming over RabbitMQ', { timeout: 60_000 }, async () => {
  const host = await openHost('consuming');
  const port = Number(new URL(host.url).port);
  const client = openClient(host.url);
  afterAll(async () => {
    client.unsafeDestroy();
    await host.close();
  });

  /** What another process of a service gets until the next event. What was given back comes before that. */
  const heardNext = async (spec: ReturnType<typeof specOf>, service: string, name: string) => {
    const process = join(host.url, service);
    const heard: unknown[] = [];
    await receive(process, spec, async (delivery) => {
      heard.push(dataOf(delivery));
      return DONE;
    });
    await send(process, name, 'last');
    await eventually('the last event', () => heard.includes('last'));
    await process.close();
    return heard;
  };

  it('goes on when the queue of a running consumer was deleted, and no other consumer notices', async () => {
    const [service, name] = [unique('shop'), unique('order')];
    const process = join(host.url, service);
    const seen: string[] = [];
    for (const consumer of ['deleted', 'steady'])
      await receive(process, specOf(consumer, name), async (delivery) => {
        seen.push(`${consumer} ${dataOf(delivery)}`);
        return DONE;
      });
    await client.queueDelete({ queue: `mapbus.queue.${service}.deleted` });

    await eventually('an event in the new queue', async () => {
      await send(process, name, 'probe');
      return seen.includes('deleted probe');
    });
    for (const data of range(50)) await send(process, name, data);

    await eventually('50 events in both', () => new Set(seen).size === 102);
    const countOf = (item: string) => seen.filter((each) => each === item).length;
    expect(range(50).filter((data) => countOf(`steady ${data}`) !== 1)).toEqual([]);
    await process.close();
  });

  it('acknowledges the events that end together, and none of those whose handlers still run', async () => {
    const [service, name] = [unique('shop'), unique('order')];
    const spec = specOf('read', name);
    const first = join(host.url, service);
    const hangs = range(60).filter((data) => data % 10 === 5);
    const done: unknown[] = [];
    await receive(first, spec, async (delivery) => {
      const data = dataOf(delivery);
      if (hangs.some((one) => one === data)) return new Promise(() => {});
      done.push(data);
      return DONE;
    });
    for (const data of range(60)) await send(first, name, data);
    await eventually('all events but those that hang', () => done.length === 54);
    await first.close();

    expect(await heardNext(spec, service, name)).toEqual([...hangs, 'last']);
  });

  it('with an order gives a key to another process when it is stopped while a handler that then fails still runs', async () => {
    const [service, name] = [unique('shop'), unique('order')];
    const spec = specOf('read', name, { order: 'key' });
    const [first, second] = [join(host.url, service), join(host.url, service)];
    const [started, ending] = [createGate(), createGate()];
    const receiving = await receive(first, spec, async () => {
      started.open();
      await ending.promise;
      return retryOf(2, 60_000);
    });
    await send(first, name, 'fails');
    await started.promise;

    await receiving.stop();
    const seen: unknown[] = [];
    await receive(second, spec, async (delivery) => {
      seen.push(dataOf(delivery));
      return DONE;
    });
    ending.open();

    await eventually('the event at the other process', () => seen.includes('fails'), 20_000);
    await Promise.all([first.close(), second.close()]);
  });

  it('gets the next event soon after a cut, although a handler hangs', async () => {
    const name = unique('order');
    const proxy = await createFaultProxy(port);
    const process = join(host.url.replace(String(port), String(proxy.port)), unique('shop'));
    const writer = join(host.url, 'writer');
    const seen: unknown[] = [];
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    await receive(process, specOf('read', name, { concurrency: 2 }), async (delivery) => {
      seen.push(dataOf(delivery));
      if (dataOf(delivery) === 'hangs' && !delivery.signal.aborted) await released;
      return DONE;
    });
    await send(writer, name, 'hangs');
    await eventually('the first event', () => seen.includes('hangs'));

    proxy.cut();
    const cutAt = performance.now();
    await send(writer, name, 'next');
    await eventually('the next event', () => seen.includes('next'));

    expect(performance.now() - cutAt).toBeLessThan(5_000);
    release();
    await Promise.all([process.close(), writer.close()]);
    await proxy.close();
  });

  it('health counts how often the connections were there again after a cut', async () => {
    const name = unique('order');
    const proxy = await createFaultProxy(port);
    const process = join(host.url.replace(String(port), String(proxy.port)), unique('shop'));
    const seen: unknown[] = [];
    await receive(process, specOf('read', name), async (delivery) => {
      seen.push(dataOf(delivery));
      return DONE;
    });
    await send(process, name, 'first');
    expect(process.health().reconnects).toBe(0);

    proxy.cut();
    await eventually('both connections again', () => process.health().reconnects === 2);

    expect(process.health().connected).toBe(true);
    await process.close();
    await proxy.close();
  });

  it('handles what succeeds once while the broker is short of memory, and sends the outcomes afterwards', async () => {
    const [service, name] = [unique('shop'), unique('order')];
    const process = join(host.url, service);
    const writer = join(host.url, 'writer');
    const attempts: string[] = [];
    // The connection for outcomes has published before.
    await send(process, unique('unheard'), 1);
    for (const data of range(20)) {
      if (data === 0) await process.declare([specOf('read', name)]);
      await send(writer, name, data);
    }
    await ctl('set_vm_memory_high_watermark', '0.000001');
    try {
      await process.consume(specOf('read', name, { concurrency: 4 }), async (delivery) => {
        attempts.push(`${dataOf(delivery)} ${delivery.attempt}`);
        const fails = Number(dataOf(delivery)) % 5 === 4;
        if (!fails || delivery.attempt > 1) return DONE;
        return retryOf(2, 125);
      });
      // Four failures take all places. Until then what succeeds is acknowledged.
      await eventually('all first attempts', () => attempts.length >= 20);
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      expect(attempts.length).toBe(20);
    } finally {
      await ctl('set_vm_memory_high_watermark', '0.4');
    }

    await eventually('four retries', () => attempts.length >= 24);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(attempts.filter((attempt) => attempt.endsWith(' 2')).length).toBe(4);
    expect(attempts.length).toBe(24);
    await Promise.all([process.close(), writer.close()]);
  });

  it('starts in another process while the broker is short of memory', async () => {
    const [service, name] = [unique('shop'), unique('order')];
    const spec = specOf('read', name);
    const first = join(host.url, service);
    await first.declare([spec]);
    await first.close();
    const writer = join(host.url, 'writer');
    for (const data of range(5)) await send(writer, name, data);
    // As if the last process had said long ago that it runs the consumer.
    await host.ctl('purge_queue', `mapbus.consumers.${service}`);
    await ctl('set_vm_memory_high_watermark', '0.000001');
    const second = join(host.url, service);
    const seen: unknown[] = [];
    const startedAt = performance.now();
    try {
      // Its connection for publishes is blocked from here on.
      const publishing = send(second, name, 'late', { signal: AbortSignal.timeout(2_000) });
      await expect(publishing).rejects.toMatchObject({ outcome: expect.anything() });
      await receive(second, spec, async (delivery) => {
        seen.push(dataOf(delivery));
        return DONE;
      });

      await eventually('what has waited', () => seen.length >= 5);
      expect(performance.now() - startedAt).toBeLessThan(12_000);
    } finally {
      await ctl('set_vm_memory_high_watermark', '0.4');
    }
    await Promise.all([second.close(), writer.close()]);
  });

  it('keeps what it has in hand while the queue of another consumer does not answer', async () => {
    const [service, name, other] = [unique('shop'), unique('order'), unique('order')];
    const proxy = await createFaultProxy(port);
    const process = join(host.url.replace(`:${port}/`, `:${proxy.port}/`), service);
    const gate = createGate();
    const deliveries: unknown[] = [];
    await receive(process, specOf('hangs', name), async () => DONE);
    await receive(process, specOf('works', other), async (delivery) => {
      deliveries.push(dataOf(delivery));
      if (dataOf(delivery) === 'held') await gate.promise;
      return DONE;
    });
    const queue = `'${host.host}_mapbus.queue.${service}.hangs'`;
    await ctl('eval', `sys:suspend(${queue}).`);
    try {
      proxy.cut();
      await eventually('both connections again', () => process.health().reconnects === 2);
      await send(process, other, 'held');
      await eventually('what is held', () => deliveries.includes('held'));

      const isGivenUp = ({ fields }: (typeof process.reported)[number]) =>
        String(fields.error).includes('not answered');
      await eventually('the end of a try', () => process.reported.some(isGivenUp));

      expect(process.health()).toMatchObject({ connected: true, reconnects: 2 });
      expect(deliveries).toEqual(['held']);
    } finally {
      await ctl('eval', `sys:resume(${queue}).`);
    }
    gate.open();
    await Promise.all([process.close(), proxy.close()]);
  });

  it('leaves nothing of a consumer behind that has stopped', async () => {
    const process = join(host.url, unique('shop'));
    const spec = specOf('read', unique('order'));
    const isCollected = await stopOne((deliver) => receive(process, spec, deliver));
    await receive(process, spec, async () => DONE);

    await eventually('the end of its handler', isCollected);
    await process.close();
  });

  it('acknowledges to a queue that is slow to write all that has ended when it closes', async () => {
    const [service, name] = [unique('shop'), unique('order')];
    const spec = specOf('read', name, { concurrency: 400 });
    const first = join(host.url, service);
    const gate = createGate();
    let running = 0;
    let ended = 0;
    const receiving = await receive(first, spec, async (delivery) => {
      running++;
      await gate.promise;
      // One handler hangs.
      if (dataOf(delivery) === 0) await new Promise((resolve) => delivery.signal.addEventListener('abort', resolve));
      else await sleep(Math.random() * 50);
      ended++;
      return DONE;
    });
    await Promise.all(range(400).map((data) => send(first, name, data)));
    await eventually('all handlers', () => running === 400);
    // Quorum queues write through one process of the broker. This one stands still for 0.4 s at a time, as on a slow disk.
    await ctl(
      'eval',
      'spawn(fun() -> [begin sys:suspend(ra_log_wal), timer:sleep(400), sys:resume(ra_log_wal) end || _ <- lists:seq(1, 15)] end).',
    );
    await receiving.stop();
    gate.open();
    await eventually('the end of the other handlers', () => ended === 399);

    await first.close();

    expect(await heardNext(spec, service, name)).toEqual([0, 'last']);
  });

  it('keeps the order of a key when the process that has it is cut off', async () => {
    const [service, name] = [unique('shop'), unique('order')];
    const proxy = await createFaultProxy(port);
    const first = join(host.url.replace(String(port), String(proxy.port)), service);
    const second = join(host.url, service);
    const writer = join(host.url, 'writer');
    const seen: number[] = [];
    const spec = specOf('read', name, { order: 'key', concurrency: 10 });
    for (const process of [first, second])
      await receive(process, spec, async (delivery) => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        if (!delivery.signal.aborted) seen.push(Number(dataOf(delivery)));
        return DONE;
      });
    await Promise.all(range(300).map((data) => send(writer, name, data, { key: `k${data % 3}` })));
    await eventually('some events', () => seen.length > 30);

    proxy.stall(true);
    proxy.cut();

    await eventually('all events', () => new Set(seen).size === 300);
    for (const key of range(3)) {
      const distinct = [...new Set(seen)].filter((data) => data % 3 === key);
      expect(distinct).toEqual([...distinct].sort((a, b) => a - b));
    }
    proxy.stall(false);
    await Promise.all([first.close(), second.close(), writer.close()]);
    await proxy.close();
  });

  it('goes on after a handler that was open for longer than the broker waits', async () => {
    const name = unique('order');
    const process = join(host.url, unique('shop'));
    const seen: unknown[] = [];
    await ctl(
      'eval',
      'application:set_env(rabbit, consumer_timeout, 1000), application:set_env(rabbit, channel_tick_interval, 500).',
    );
    try {
      await receive(process, specOf('read', name), async (delivery) => {
        const data = dataOf(delivery);
        seen.push(data);
        // A handler sees that its delivery is lost.
        if (data === 'long' && seen.filter((each) => each === 'long').length === 1)
          await new Promise<void>((resolve) => delivery.signal.addEventListener('abort', () => resolve()));
        return DONE;
      });
      await send(process, name, 'long');
      await eventually('the event again', () => seen.filter((each) => each === 'long').length === 2);
    } finally {
      await ctl(
        'eval',
        'application:set_env(rabbit, consumer_timeout, 1800000), application:set_env(rabbit, channel_tick_interval, 60000).',
      );
    }
    await send(process, name, 'next');

    await eventually('the next event', () => seen.includes('next'));
    await process.close();
  });

  it.each<[string, Partial<ConsumerSpec>, number]>([
    ['a time limit', { timeoutMs: 1_800_000 }, 1_800_000],
    ['retries of a key', { order: 'key', timeoutMs: 600_000, retryDelaysMs: [400_000, 400_000] }, 2_600_000],
  ])('warns of %s for which the broker does not wait', async (_, changes, openMs) => {
    const process = join(host.url, unique('shop'));
    await process.declare([specOf('read', unique('order'), changes)]);
    expect(process.reported).toMatchObject([{ message: 'event_consumer_timeout_long', fields: { openMs } }]);
    await process.close();
  });

  it('does not warn of retries that wait in a queue', async () => {
    const process = join(host.url, unique('shop'));
    await process.declare([
      specOf('read', unique('order'), { timeoutMs: 600_000, retryDelaysMs: [400_000, 400_000, 400_000] }),
    ]);
    expect(process.reported).toEqual([]);
    await process.close();
  });

  it('refuses a life that is longer than the broker counts', async () => {
    const process = join(host.url, unique('shop'));
    const days = (count: number) => specOf('read', 'order', { expiresAfterMs: count * 24 * 3_600_000 });

    expect(process.refuseConsumer?.(days(49))).toBeUndefined();
    expect(process.refuseConsumer?.(days(50))).toMatch(/expiresAfterMs of up to 4294967000/);
    await process.close();
  });

  it('writes a dead letter whose error and headers are longer than a frame', async () => {
    const [service, name] = [unique('shop'), unique('order')];
    const process = join(host.url, service);
    const message = '漢'.repeat(100_000);
    await receive(process, specOf('read', name), async () => ({ ...DEAD, error: { name: message, message } }));
    const publisher = client.createPublisher({ confirm: true });
    await publisher.send(
      { exchange: 'mapbus.events', routingKey: name, headers: { large: 'x'.repeat(125_000) } },
      Buffer.from('{}'),
    );

    const letter = await eventually(
      'the dead letter',
      async () => (await process.deadLetters?.page({ limit: 1 }))?.letters[0],
    );

    expect(letter.error.message).toBe('漢'.repeat(2_730));
    expect(Buffer.from(letter.body).toString()).toBe('{}');
    await publisher.close();
    await process.close();
  });
});
