import { rabbitmq } from 'mapbus/rabbitmq';
import { transportFromUrl } from 'mapbus/url';
import { afterAll, describe, expect, it } from 'vitest';
import { createFaultProxy } from '../../../scripts/services/proxy.ts';
import { available } from '../support.ts';
import {
  countOf,
  ctl,
  DONE,
  dataOf,
  eventually,
  join,
  openClient,
  openHost,
  range,
  receive,
  send,
  specOf,
  unique,
} from './support.ts';

const isThere = (await available(['rabbitmq'])).length > 0;

describe.runIf(isThere)('publishing over RabbitMQ', { timeout: 60_000 }, async () => {
  const host = await openHost('publishing');
  const port = Number(new URL(host.url).port);
  afterAll(() => host.close());
  const throughProxy = async () => {
    const proxy = await createFaultProxy(port);
    return { proxy, url: host.url.replace(String(port), String(proxy.port)) };
  };

  it('tells of each event among many whether a consumer gets it', async () => {
    const [heard, unheard] = [unique('heard'), unique('unheard')];
    const reader = join(host.url, unique('reader'));
    await reader.declare([specOf('read', heard)]);
    const writer = join(host.url, 'writer');

    const names = range(1_000).map((index) => (index % 3 === 0 ? unheard : heard));
    const told = await Promise.all(names.map((name) => send(writer, name, 1)));

    expect(told.map(({ unrouted }) => unrouted)).toEqual(names.map((name) => name === unheard));
    await Promise.all([reader.close(), writer.close()]);
  });

  it('takes options of the client from the query of a URL', async () => {
    const transport = await transportFromUrl(`${host.url}?heartbeat=7&frameMax=16384`);
    const process = transport.connect({
      service: unique('shop'),
      namespace: '',
      sends: 'all',
      publishTimeoutMs: 10_000,
      report: () => {},
    });
    await send(process, unique('order'), 1);

    const connections = await ctl('list_connections', 'vhost', 'timeout', 'frame_max');

    expect(connections).toContain(`${host.host}\t7\t16384`);
    await process.close();
  });

  it.each(['hostname', 'port', 'username', 'password', 'vhost', 'url'])('refuses a %s beside its URL', (name) => {
    const open = () => rabbitmq({ url: host.url, connection: { [name]: 'secret' } });

    expect(open).toThrow(new TypeError(`[mapbus] rabbitmq options.connection.${name}: expected it in options.url`));
  });

  it('does not send an event that is withdrawn already', async () => {
    const [service, name] = [unique('shop'), unique('order')];
    const process = join(host.url, service);
    const seen: unknown[] = [];
    await receive(process, specOf('read', name), async (delivery) => {
      seen.push(dataOf(delivery));
      return DONE;
    });

    const withdrawn = send(process, name, 'withdrawn', { signal: AbortSignal.abort() });

    await expect(withdrawn).rejects.toMatchObject({ outcome: 'not-sent' });
    await send(process, name, 'last');
    await eventually('the last event', () => seen.includes('last'));
    expect(seen).toEqual(['last']);
    await process.close();
  });

  it('sends an event that a queue refuses once, so that the other queues get it once', async () => {
    const name = unique('order');
    const [full, healthy] = [unique('full'), unique('healthy')];
    const [first, second, writer] = [join(host.url, full), join(host.url, healthy), join(host.url, 'writer')];
    await first.declare([specOf('read', name)]);
    await second.declare([specOf('read', name)]);
    await host.ctl('set_policy', full, `^mapbus.queue.${full}.read$`, '{"max-length":3,"overflow":"reject-publish"}');
    await eventually('a refusal', async () => {
      const outcome = await send(writer, name, 'fills').then(
        () => undefined,
        (error) => error.outcome,
      );
      return outcome === 'unknown';
    });
    const client = openClient(host.url);
    const count = () => countOf(client, `mapbus.queue.${healthy}.read`);
    await new Promise((resolve) => setTimeout(resolve, 500));
    const before = await count();

    const results = await Promise.allSettled(range(20).map((data) => send(writer, name, data)));

    const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason.outcome] : []));
    expect(new Set(refused)).toEqual(new Set(['unknown']));
    await eventually('20 events', async () => (await count()) >= before + 20);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await count()).toBe(before + 20);
    await client.close();
    await Promise.all([first.close(), second.close(), writer.close()]);
  });

  it('keeps the order of each key through cuts', async () => {
    const name = unique('order');
    const reader = join(host.url, unique('reader'));
    const seen: string[] = [];
    await receive(reader, specOf('read', name, { order: 'key', concurrency: 50 }), async (delivery) => {
      seen.push(String(dataOf(delivery)));
      return DONE;
    });
    const { proxy, url } = await throughProxy();
    const writer = join(url, 'writer');
    const keys = range(20).map((key) => `k${key}`);
    const cutting = setInterval(proxy.cut, 150);

    const sent: Promise<unknown>[] = [];
    for (const number of range(100)) {
      for (const key of keys) sent.push(send(writer, name, `${key} ${number}`, { key }));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    setTimeout(() => clearInterval(cutting), 1_500);
    await Promise.all(sent);

    await eventually('all events', () => new Set(seen).size === 2_000);
    const distinct = [...new Set(seen)];
    for (const key of keys) {
      const ofKey = distinct.filter((data) => data.startsWith(`${key} `)).map((data) => Number(data.split(' ')[1]));
      expect(ofKey).toEqual(range(100));
    }
    await Promise.all([reader.close(), writer.close()]);
    await proxy.close();
  });

  it('recovers from a link on which bytes only stop', async () => {
    const name = unique('order');
    const reader = join(host.url, unique('reader'));
    await reader.declare([specOf('read', name)]);
    const { proxy, url } = await throughProxy();
    const writer = join(url, 'writer');
    await send(writer, name, 'before');

    proxy.stall(true);
    const during = send(writer, name, 'during');
    // Only the old connections are lost. A new one would reach the broker.
    await eventually('the report', () => writer.reported.some(({ message }) => message === 'event_transport_trouble'));
    proxy.stall(false);
    await during;

    expect(await send(writer, name, 'after')).toEqual({ unrouted: false });
    await Promise.all([reader.close(), writer.close()]);
    await proxy.close();
  });

  it('says that an event was not sent while the broker is short of memory, and sends the next one after it', async () => {
    const name = unique('order');
    const reader = join(host.url, unique('reader'));
    await reader.declare([specOf('read', name)]);
    const writer = join(host.url, 'writer');
    await send(writer, name, 'before');
    await ctl('set_vm_memory_high_watermark', '0.000001');
    try {
      // The broker tells of it when something is published.
      const first = send(writer, name, 'during').catch(() => {});
      await eventually('the report', () =>
        writer.reported.some(({ message }) => message === 'event_transport_blocked'),
      );
      const aborted = new AbortController();
      const second = send(writer, name, 'late', { signal: aborted.signal });
      aborted.abort();
      await expect(second).rejects.toMatchObject({ outcome: 'not-sent' });
      await ctl('set_vm_memory_high_watermark', '0.4');
      await first;
    } finally {
      await ctl('set_vm_memory_high_watermark', '0.4');
    }

    expect(await send(writer, name, 'after')).toEqual({ unrouted: false });
    await Promise.all([reader.close(), writer.close()]);
  });

  it('refuses headers that fit no frame, and sends the next event', async () => {
    const name = unique('order');
    const writer = join(host.url, 'writer');
    const key = 'k'.repeat(200_000);

    await expect(send(writer, name, 1, { key })).rejects.toMatchObject({ outcome: 'not-sent' });

    expect(await send(writer, name, 2)).toEqual({ unrouted: true });
    await writer.close();
  });

  it('makes the exchange again when it was deleted', async () => {
    const own = await openHost('exchange');
    const writer = join(own.url, 'writer');
    await send(writer, 'order.placed', 1);
    const client = openClient(own.url);
    await client.exchangeDelete({ exchange: 'mapbus.events' });

    expect(await send(writer, 'order.placed', 2)).toEqual({ unrouted: true });

    await Promise.all([writer.close(), client.close()]);
    own.close();
  });

  it('refuses names that are patterns for RabbitMQ, or too long', () => {
    const writer = join(host.url, 'writer');
    expect(['order.*', '#', 'a'.repeat(256)].map((name) => writer.refuseName?.(name) !== undefined)).toEqual([
      true,
      true,
      true,
    ]);
    expect(writer.refuseName?.('a'.repeat(255))).toBeUndefined();
    return writer.close();
  });
});
