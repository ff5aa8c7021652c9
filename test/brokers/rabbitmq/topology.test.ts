import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { createDeclarer } from '../../../src/rabbitmq/declare-queue.ts';
import { createLink } from '../../../src/rabbitmq/link.ts';
import { createNames } from '../../../src/rabbitmq/names.ts';
import { createRecords } from '../../../src/rabbitmq/record.ts';
import { createRegistry } from '../../../src/rabbitmq/registry.ts';
import { createTopology } from '../../../src/rabbitmq/topology.ts';
import { createGate } from '../../support.ts';
import { available } from '../support.ts';
import {
  countOf,
  ctl,
  DEAD,
  DONE,
  dataOf,
  eventually,
  join,
  openClient,
  openHost,
  queuesOf,
  range,
  receive,
  retryOf,
  send,
  specOf,
  unique,
} from './support.ts';

const isThere = (await available(['rabbitmq'])).length > 0;

describe.runIf(isThere)('what is at RabbitMQ', { timeout: 60_000 }, async () => {
  const host = await openHost('topology');
  const client = openClient(host.url);
  const user = unique('reader');
  await ctl('add_user', user, 'secret');
  // It may publish, consume and bind nothing: no permission to configure.
  await ctl('set_permissions', '-p', host.host, user, '^$', '.*', '.*');
  const asUser = host.url.replace('guest:guest', `${user}:secret`);
  afterAll(async () => {
    client.unsafeDestroy();
    await host.close();
    await ctl('delete_user', user);
  });
  const ownQueues = async (service: string) => (await queuesOf(host)).filter((queue) => queue.includes(service));

  it('is only looked at with topology check, and what is missing is named', async () => {
    const [service, name] = [unique('shop'), unique('order')];
    const checking = join(asUser, service, { topology: 'check' });

    const declared = checking.declare([specOf('read', name)]);

    await expect(declared).rejects.toThrow(
      `queue mapbus.dead.${service}, queue mapbus.queue.${service}.read, queue mapbus.retry.1000.${service}.read`,
    );
    expect(await ownQueues(service)).toEqual([]);
    await checking.close();
  });

  it('serves a process that may not configure, once an operator has made what plan tells', async () => {
    const [service, name] = [unique('shop'), unique('order')];
    const spec = specOf('read', name);
    const checking = join(asUser, service, { topology: 'check' });
    for (const line of checking.plan?.([spec]) ?? []) {
      const [, queue, args] = /^queue (\S+) durable=true arguments=(.*)$/.exec(line) ?? [];
      if (queue && args) await client.queueDeclare({ queue, durable: true, arguments: JSON.parse(args) });
      const [, exchange] = /^exchange (\S+) type=topic durable=true$/.exec(line) ?? [];
      if (exchange) await client.exchangeDeclare({ exchange, type: 'topic', durable: true });
      const [, from, to, routingKey] = /^binding (\S+) -> (\S+) routing-key="(.*)"$/.exec(line) ?? [];
      if (from && to) await client.queueBind({ exchange: from, queue: to, routingKey: routingKey ?? '' });
    }
    const attempts: number[] = [];

    await receive(checking, spec, async ({ attempt }) => {
      attempts.push(attempt);
      return attempt < 2 ? retryOf(2, 1_000) : { is: 'dead', reason: 'x', attempt, error: { name: 'E', message: '' } };
    });
    await send(checking, name, 1);

    await eventually('two attempts', () => attempts.length === 2);
    const letters = await eventually('the letter', async () => {
      const page = await checking.deadLetters?.page({ limit: 1 });
      return page?.letters.length ? page.letters : undefined;
    });
    expect(letters.map(dataOf)).toEqual([1]);
    await checking.close();
  });

  it('is not made again by a process with topology check, and a retry waits until an operator has made it', async () => {
    const [service, name] = [unique('shop'), unique('order')];
    const spec = specOf('read', name);
    const maker = join(host.url, service);
    await maker.declare([spec]);
    await maker.close();
    const checking = join(host.url, service, { topology: 'check' });
    const attempts: number[] = [];
    await receive(checking, spec, async ({ attempt }) => {
      attempts.push(attempt);
      return attempt < 2 ? retryOf(2, 1_000) : DONE;
    });
    const queue = `mapbus.retry.1000.${service}.read`;
    const line = checking.plan?.([spec]).find((each) => each.startsWith(`queue ${queue} `));
    const args = JSON.parse(line?.split('arguments=')[1] ?? '');
    await client.queueDelete({ queue });

    await send(checking, name, 1);
    await eventually('two reports', () => {
      const missing = checking.reported.filter(({ message }) => message === 'event_queue_missing');
      return missing.length >= 2;
    });
    expect(await ownQueues(service)).not.toContain(queue);
    await client.queueDeclare({ queue, durable: true, arguments: args });

    await eventually('the retry', () => attempts.length === 2);
    expect(attempts).toEqual([1, 2]);
    await checking.close();
  });

  it('of a former name is emptied with topology check, and an operator deletes it', async () => {
    const [service, name] = [unique('shop'), unique('order')];
    const [former, spec] = [specOf('before', name), specOf('after', name, { formerly: 'before' })];
    const maker = join(host.url, service);
    await maker.declare([former]);
    await send(maker, name, 'first');
    await maker.declare([specOf('after', name)]);
    const queue = `mapbus.queue.${service}.before`;
    await client.queueUnbind({ exchange: 'mapbus.events', queue, routingKey: name });
    const checking = join(host.url, service, { topology: 'check' });
    const seen: unknown[] = [];
    await receive(checking, spec, async (delivery) => {
      seen.push(dataOf(delivery));
      return DONE;
    });
    await eventually('the first event', () => seen.length === 1);

    // Long enough for two looks. At its second one, a process without topology check stops to consume an empty queue.
    await sleep(5_000);
    expect((await client.queueDeclare({ queue, passive: true })).consumerCount).toBe(1);
    await client.queueBind({ exchange: 'mapbus.events', queue, routingKey: name });
    await send(maker, name, 'second');
    await eventually('the second event, twice', () => seen.length === 3);
    await client.queueDelete({ queue });
    await send(maker, name, 'third');
    await eventually('the third event', () => seen.length === 4);

    expect([seen, checking.reported]).toEqual([['first', 'second', 'second', 'third'], []]);
    await Promise.all([checking.close(), maker.close()]);
  });

  it('of a former name is not needed for a redrive with topology check', async () => {
    const [service, name] = [unique('shop'), unique('order')];
    const maker = join(host.url, service);
    await receive(maker, specOf('before', name), async () => DEAD);
    await send(maker, name, 1);
    await eventually('the letter', async () => (await countOf(client, `mapbus.dead.${service}`)) === 1);
    const spec = specOf('after', name, { formerly: 'before' });
    await maker.declare([specOf('after', name)]);
    await maker.close();
    // An operator has made what there is now: there are no records.
    for (const queue of ['queue', 'names']) await client.queueDelete({ queue: `mapbus.${queue}.${service}.before` });
    const checking = join(host.url, service, { topology: 'check' });
    const seen: unknown[] = [];
    await receive(checking, spec, async (delivery) => {
      seen.push(dataOf(delivery));
      return DONE;
    });
    const { letters = [] } = (await checking.deadLetters?.page({ limit: 9 })) ?? {};

    expect(await checking.deadLetters?.redrive(letters.map(({ ref }) => ref))).toBe(1);

    await eventually('the event', () => seen.length === 1);
    await checking.close();
  });

  it('is used as it is where only a bound differs, with a warning', async () => {
    const [service, name] = [unique('shop'), unique('order')];
    const before = join(host.url, service);
    await before.declare([specOf('read', name, { expiresAfterMs: 500_000 })]);
    await before.close();
    const after = join(host.url, service);
    const seen: unknown[] = [];

    await receive(after, specOf('read', name, { expiresAfterMs: 600_000 }), async (delivery) => {
      seen.push(dataOf(delivery));
      return DONE;
    });
    await send(after, name, 1);

    await eventually('the event', () => seen.length === 1);
    const differences = after.reported.filter(({ message }) => message === 'event_topology_differs');
    expect(differences[0]?.fields.difference).toContain("inequivalent arg 'x-expires'");
    await after.close();
  });

  it('is refused with a way out where the order differs, and other consumers start', async () => {
    const [service, name] = [unique('shop'), unique('order')];
    const before = join(host.url, service);
    await before.declare([specOf('read', name)]);
    const after = join(host.url, service);

    await expect(after.declare([specOf('read', name, { order: 'key' })])).rejects.toThrow(
      `The queue mapbus.queue.${service}.read exists with another x-single-active-consumer: stop its consumers`,
    );

    await after.declare([specOf('other', name)]);
    expect(await send(after, name, 1)).toEqual({ unrouted: false });
    await Promise.all([before.close(), after.close()]);
  });

  it('has nothing left of a tail', async () => {
    const [service, name] = [unique('screen'), unique('order')];
    const process = join(host.url, service);
    const receiving = await process.tail?.([name], () => {});
    expect((await ownQueues(service)).length).toBe(1);

    await receiving?.stop();

    await eventually('the end of the queue', async () => (await ownQueues(service)).length === 0);
    await process.close();
  });

  it('has no queue left of a former name, once that is empty and no process runs it', async () => {
    const [service, name] = [unique('shop'), unique('order')];
    const old = join(host.url, service);
    const spec = specOf('before', name);
    let failures = 0;
    const receiving = await receive(old, spec, async () => {
      failures++;
      return retryOf(2, 1_000);
    });
    for (const data of range(5)) await send(old, name, data);
    await eventually('five retries', () => failures === 5);
    const seen: unknown[] = [];
    const renewed = join(host.url, service);

    await receive(renewed, specOf('after', name, { formerly: 'before' }), async (delivery) => {
      seen.push(dataOf(delivery));
      return DONE;
    });
    await receiving.stop();
    await old.close();

    await eventually('the retries under the new name', () => new Set(seen).size === 5);
    // To ask the broker's tool again and again would stop the process that removes them.
    await eventually('the report', () => renewed.reported.some(({ message }) => message === 'event_consumer_removed'));
    expect((await ownQueues(service)).filter((queue) => /^mapbus\.(queue|retry)\..*before$/.test(queue))).toEqual([]);
    await renewed.close();
  });

  it('starts a renamed consumer with an order also if its queue was deleted while the old one was drained', async () => {
    const [service, name] = [unique('shop'), unique('order')];
    const old = join(host.url, service);
    await old.declare([specOf('before', name, { order: 'key' })]);
    await send(old, name, 'old');
    await old.close();
    const renewed = join(host.url, service);
    const gate = createGate();
    const seen: unknown[] = [];
    await receive(renewed, specOf('after', name, { order: 'key', formerly: 'before' }), async (delivery) => {
      seen.push(dataOf(delivery));
      await gate.promise;
      return DONE;
    });
    await eventually('the old event', () => seen.length === 1);

    await client.queueDelete({ queue: `mapbus.queue.${service}.after` });
    gate.open();

    await eventually(
      'an event in the new queue',
      async () => {
        await send(renewed, name, 'new');
        return seen.includes('new');
      },
      30_000,
    );
    await renewed.close();
  });

  it('gives a consumer that was renamed again and again, and back, what waits under each of its names', async () => {
    const [service, name] = [unique('shop'), unique('order')];
    const seen = new Set<unknown>();
    let failures = 0;
    const names: readonly (readonly [string, string | undefined])[] = [
      ['a', undefined],
      ['b', 'a'],
      ['c', 'b'],
      ['a', 'c'],
    ];
    for (const [index, [consumer, formerly]] of names.entries()) {
      const process = join(host.url, service);
      await receive(process, specOf(consumer, name, { formerly }), async () => {
        failures++;
        return retryOf(2, 1_000);
      });
      for (const data of range(3)) await send(process, name, index * 3 + data);
      await eventually('three failures', () => failures >= (index + 1) * 3);
      await process.close();
    }
    const last = join(host.url, service);

    await receive(last, specOf('a', name, { formerly: 'c' }), async (delivery) => {
      seen.add(dataOf(delivery));
      return DONE;
    });

    await eventually('all twelve events', () => seen.size === 12);
    await last.close();
  });

  it('gives events of an old name to the last one, also where the names between them had no time to', async () => {
    const [service, name] = [unique('shop'), unique('order')];
    const seen = new Set<unknown>();
    for (const [index, [consumer, formerly]] of [['a', undefined] as const, ['b', 'a'] as const].entries()) {
      const process = join(host.url, service);
      await process.declare([specOf(consumer, name, { formerly })]);
      await send(process, name, index);
      await process.close();
    }
    const last = join(host.url, service);

    await receive(last, specOf('c', name, { formerly: 'b' }), async (delivery) => {
      seen.add(dataOf(delivery));
      return DONE;
    });

    await eventually('both events', () => seen.size === 2);
    await last.close();
  });

  it('lets another consumer have the old name of a renamed one, once no version gives it', async () => {
    const [service, name] = [unique('shop'), unique('order')];
    const declare = async (...specs: ReturnType<typeof specOf>[]) => {
      const process = join(host.url, service);
      await process.declare(specs);
      await process.close();
    };
    await declare(specOf('before', name));
    await declare(specOf('after', name, { formerly: 'before' }));
    await declare(specOf('after', name));
    const seen: Record<string, Set<unknown>> = { before: new Set(), after: new Set() };
    const [one, other] = [join(host.url, service), join(host.url, service)];

    for (const [process, consumer] of [[one, 'after'] as const, [other, 'before'] as const])
      await receive(process, specOf(consumer, name), async (delivery) => {
        seen[consumer]?.add(dataOf(delivery));
        return DONE;
      });
    for (const data of range(10)) await send(one, name, data);

    await eventually('ten events for each', () => seen.before?.size === 10 && seen.after?.size === 10);
    await Promise.all([one.close(), other.close()]);
  });

  /** A consumer that was called "before" and is called "after", whose old queue is still there. */
  const renamed = async () => {
    const [service, name] = [unique('shop'), unique('order')];
    const record = `mapbus.names.${service}.before`;
    const declare = async (...spec: Parameters<typeof specOf>) => {
      const process = join(host.url, service);
      await process.declare([specOf(...spec)]);
      await process.close();
    };
    await declare('before', name);
    await declare('after', name, { formerly: 'before' });
    const publisher = client.createPublisher({ confirm: true });
    const write = (content: string) => publisher.send({ routingKey: record, durable: true }, content);
    const read = async () => {
      const channel = await client.acquire();
      const message = await eventually('the record', () => channel.basicGet({ queue: record }));
      await channel.close();
      return String(message.body);
    };
    /** How many queues get an event: that of the old name, and that of the new one. */
    const counts = async () => {
      const all = () =>
        Promise.all(['before', 'after'].map((each) => countOf(client, `mapbus.queue.${service}.${each}`)));
      const writer = join(host.url, 'writer');
      await send(writer, name, 1);
      await writer.close();
      return all();
    };
    return { service, name, record, declare, write, read, counts };
  };

  it('of an old name stays unbound where a process with that name starts while another one holds the record', async () => {
    const { name, record, declare, counts } = await renamed();
    const channel = await client.acquire();
    await channel.basicGet({ queue: record });
    const released = sleep(2_000).then(() => channel.close());

    await declare('before', name);

    expect(await counts()).toEqual([0, 1]);
    await released;
  });

  it('of an old name stays unbound where a process has written a record without having read the one before', async () => {
    const { name, declare, write, counts } = await renamed();
    await write('{"versions":{}}');

    await declare('before', name);

    expect(await counts()).toEqual([0, 1]);
  });

  it('of an old name is bound again after a rename back, also where the record from before was not removed', async () => {
    const { name, record, declare, write, read, counts } = await renamed();
    const old = await read();
    await declare('before', name, { formerly: 'after' });
    const present = await read();
    await host.ctl('purge_queue', record);
    await write(old);
    await write(present);

    await declare('before', name);

    expect(await counts()).toEqual([1, 0]);
  });

  it('is made also where the record of the consumer is empty for ever', async () => {
    const { name, record, declare, counts } = await renamed();
    await host.ctl('purge_queue', record);

    await declare('before', name);

    expect(await counts()).toEqual([1, 1]);
  });

  it('of an old name is unbound where the consumer is renamed while a process with the old name starts', async () => {
    const [service, name] = [unique('shop'), unique('order')];
    const [first, renaming] = [join(host.url, service), join(host.url, service)];
    const old = specOf('before', name);
    await first.declare([old]);
    const report = () => {};
    const link = createLink({ url: host.url }, 'consume', report);
    const names = createNames('', service);
    const topology = createTopology(names);
    const declarer = createDeclarer(link, report);
    const records = createRecords(link, names.record, topology, declarer);
    let isRenamed = false;
    const registry = createRegistry({
      ...{ link, names, topology, records, report, isClosed: () => false },
      declarer: {
        ...declarer,
        declare: async (channel, queue) => {
          // The process has read the record, and has not yet bound its queue.
          if (!isRenamed) await renaming.declare([specOf('after', name, { formerly: 'before' })]);
          isRenamed = true;
          return declarer.declare(channel, queue);
        },
      },
    });

    const declared = await registry.declare(old);

    await send(first, name, 1);
    expect(await countOf(client, names.queue('before'))).toBe(0);
    expect(await countOf(client, names.queue('after'))).toBe(1);
    expect([declared.consumer, (await records.read('before')).renamedTo]).toEqual(['after', 'after']);
    await Promise.all([first.close(), renaming.close(), link.close()]);
  });

  it('keeps both event names of a consumer while processes of both versions run', async () => {
    const [service, before, after] = [unique('shop'), unique('placed'), unique('created')];
    const [old, renewed, writer] = [join(host.url, service), join(host.url, service), join(host.url, 'writer')];
    await receive(old, specOf('read', before), async () => DONE);

    await receive(renewed, specOf('read', after), async () => DONE);
    const during = [await send(writer, before, 1), await send(writer, after, 1)];
    // The old version starts once more, as after a crash in the middle of a deploy.
    const again = join(host.url, service);
    await receive(again, specOf('read', before), async () => DONE);
    const afterwards = [await send(writer, before, 2), await send(writer, after, 2)];
    await Promise.all([old.close(), again.close()]);

    expect([...during, ...afterwards].map(({ unrouted }) => unrouted)).toEqual([false, false, false, false]);
    await eventually('the end of the old name', async () => (await send(writer, before, 3)).unrouted);
    await eventually('the report', () => renewed.reported.some(({ message }) => message === 'event_name_given_up'));
    expect(await send(writer, after, 3)).toEqual({ unrouted: false });
    await Promise.all([renewed.close(), writer.close()]);
  });

  it('keeps a retry queue that is used, with what waits in it', async () => {
    const queue = unique('mapbus');
    const declare = () =>
      client.queueDeclare({ queue, durable: true, arguments: { 'x-queue-type': 'quorum', 'x-expires': 8_000 } });
    await declare();
    const publisher = client.createPublisher({ confirm: true });
    await publisher.send({ routingKey: queue, durable: true }, 'waits');
    // To declare it again would not do.
    for (const _ of range(5)) {
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      const channel = await client.acquire();
      await channel.basicGet({ queue });
      await channel.close();
    }

    await eventually('the message', async () => (await declare()).messageCount === 1);
    await publisher.close();
  });
});
