import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
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
  range,
  receive,
  send,
  specOf,
  unique,
} from './support.ts';

const isThere = (await available(['rabbitmq'])).length > 0;

describe.runIf(isThere)('dead letters over RabbitMQ', { timeout: 60_000 }, async () => {
  const host = await openHost('letters');
  const client = openClient(host.url);
  afterAll(async () => {
    client.unsafeDestroy();
    await host.close();
  });

  /** A service with some dead letters, of events that are called 0, 1, 2, … */
  const failing = async (count: number) => {
    const [service, name] = [unique('shop'), unique('order')];
    const process = join(host.url, service);
    await receive(process, specOf('read', name, { concurrency: 1 }), async () => DEAD);
    for (const data of range(count)) await send(process, name, data);
    const store = process.deadLetters;
    if (!store) throw new Error('RabbitMQ keeps dead letters');
    const look = async () => (await store.page({ limit: 10_000 })).letters.map(dataOf);
    await eventually(`${count} letters`, async () => (await look()).length === count);
    return { service, name, process, store, look };
  };

  it('stay in their order when many are looked at, page by page, by two processes at once', async () => {
    const { service, process } = await failing(50);
    const processes = [process, join(host.url, service)];

    const walk = async ({ deadLetters }: (typeof processes)[number]) => {
      const found: unknown[] = [];
      let after: string | undefined;
      do {
        const page = await deadLetters?.page({ after, limit: 20 });
        found.push(...(page?.letters.map(dataOf) ?? []));
        after = page?.next;
      } while (after !== undefined);
      return found;
    };
    const walks = await Promise.all([...processes, ...processes, ...processes].map(walk));

    expect(walks).toEqual(walks.map(() => range(50)));
    await Promise.all(processes.map((each) => each.close()));
  });

  it('are there after 30 looks, also where a policy limits deliveries', async () => {
    const { service, process, look } = await failing(2);
    await host.ctl('set_policy', service, `^mapbus.dead.${service}$`, '{"delivery-limit":20}');
    await new Promise((resolve) => setTimeout(resolve, 1_000));

    for (const _ of range(30)) await look();

    expect(await look()).toEqual([0, 1]);
    await process.close();
  });

  it('can be looked at more than 12 times by a user who may not write', async () => {
    const { service, process } = await failing(2);
    const user = unique('reader');
    await ctl('add_user', user, 'secret');
    await ctl('set_permissions', '-p', host.host, user, '^mapbus\\.look\\.', '^$', '^mapbus\\.dead\\.');
    const reader = join(host.url.replace('guest:guest', `${user}:secret`), service);

    for (const _ of range(14)) {
      const page = await reader.deadLetters?.page({ limit: 9 });
      expect(page?.letters.map(dataOf)).toEqual([0, 1]);
    }

    const trouble = reader.reported.filter(({ fields }) => fields.queue === `mapbus.dead.${service}`);
    expect(trouble[0]).toMatchObject({ level: 'warn', message: 'event_transport_trouble' });
    await Promise.all([reader.close(), process.close()]);
    await ctl('delete_user', user);
  });

  it('that are alike stay two, however often they are looked at', async () => {
    const service = unique('shop');
    const process = join(host.url, service);
    await process.declare([specOf('read', unique('order'))]);
    const publisher = client.createPublisher({ confirm: true });
    // As from a program that gives no ids.
    for (const _ of range(2)) await publisher.send({ routingKey: `mapbus.dead.${service}`, durable: true }, 'x');

    for (const _ of range(28)) await process.deadLetters?.page({ limit: 9 });

    expect(await countOf(client, `mapbus.dead.${service}`)).toBe(2);
    await Promise.all([publisher.close(), process.close()]);
  });

  it('can be looked at while the broker is short of memory, and a copy that comes late is taken for its letter', async () => {
    const { service, process, store, look } = await failing(2);
    onTestFinished(async () => void (await ctl('set_vm_memory_high_watermark', '0.4')));
    await ctl('set_vm_memory_high_watermark', '0.000001');
    // After some looks, one has waited for a copy.
    const isTold = () => process.reported.some(({ message }) => message === 'event_transport_trouble');
    while (!isTold()) expect(await look()).toEqual([0, 1]);
    await ctl('set_vm_memory_high_watermark', '0.4');

    await eventually('the late copy', async () => (await countOf(client, `mapbus.dead.${service}`)) === 3);
    expect(await look()).toEqual([0, 1]);
    const { letters } = await store.page({ limit: 9 });
    expect(await store.discard(letters.map(({ ref }) => ref))).toBe(2);
    expect(await look()).toEqual([]);
    await process.close();
  });

  it('keep no connection open when looking at them fails', async () => {
    const { process } = await failing(1);
    const count = async () =>
      (await ctl('list_connections', 'vhost')).split('\n').filter((line) => line === host.host).length;
    const before = await count();
    const strangers = range(5).map((index) => join(host.url, unique(`stranger${index}`)));

    // There is no queue for their dead letters.
    const pages = await Promise.all(strangers.map((each) => each.deadLetters?.page({ limit: 1 })));

    expect(pages.map((page) => page?.letters)).toEqual([[], [], [], [], []]);
    await Promise.all(strangers.map((each) => each.close()));
    await eventually('the end of the connections', async () => (await count()) <= before);
    await process.close();
  });

  it('keep no connection open when the broker refuses to show them', async () => {
    const { service, process } = await failing(1);
    const user = unique('blind');
    await ctl('add_user', user, 'secret');
    await ctl('set_permissions', '-p', host.host, user, '.*', '.*', '^$');
    const count = async () =>
      (await ctl('list_connections', 'vhost', 'user')).split('\n').filter((line) => line === `${host.host}\t${user}`)
        .length;
    const blind = join(host.url.replace('guest:guest', `${user}:secret`), service);

    for (const _ of range(5)) await expect(blind.deadLetters?.page({ limit: 1 })).rejects.toThrow('ACCESS_REFUSED');

    // One to publish and one to consume.
    expect(await count()).toBeLessThanOrEqual(2);
    await blind.close();
    await eventually('the end of the connections', async () => (await count()) === 0);
    await ctl('delete_user', user);
    await process.close();
  });

  it('wait with their events while their queue is full, and come when its limit is taken away', async () => {
    const [service, name] = [unique('shop'), unique('order')];
    const process = join(host.url, service);
    await receive(process, specOf('fails', name, { concurrency: 2 }), async () => DEAD);
    const good: unknown[] = [];
    await receive(process, specOf('works', name), async (delivery) => {
      good.push(dataOf(delivery));
      return DONE;
    });
    await host.ctl('set_policy', service, `^mapbus.dead.${service}$`, '{"max-length":1,"overflow":"reject-publish"}');
    // A policy is in force a moment later.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    for (const data of range(20)) await send(process, name, data);
    await eventually('a refusal', () => process.reported.some(({ message }) => message === 'event_outcome_delayed'));
    await eventually('the events of another consumer', () => good.length === 20);

    await host.ctl('clear_policy', service);

    const failures: unknown[] = [];
    const look = async () => {
      const page = await process.deadLetters?.page({ limit: 100 }).catch((error) => void failures.push(error));
      return page?.letters.map(dataOf) ?? [];
    };
    await eventually('all letters', async () => new Set(await look()).size === 20);
    // Each look is a delivery. After some, letters are written once more, and that was refused too.
    expect(failures).toEqual([]);
    await process.close();
  });

  it('of the broker tell their consumer and that the limit was reached', async () => {
    const [service, name] = [unique('shop'), unique('order')];
    const process = join(host.url, service);
    await process.declare([specOf('read', name)]);
    const queue = `mapbus.queue.${service}.read`;
    await send(process, name, 1);
    for (const _ of range(101)) {
      const channel = await client.acquire();
      const message = await eventually('the event', () => channel.basicGet({ queue }));
      channel.basicNack({ deliveryTag: message.deliveryTag, requeue: true });
      await channel.close();
    }

    const letter = await eventually(
      'the letter',
      async () => (await process.deadLetters?.page({ limit: 1 }))?.letters[0],
    );

    expect([letter.consumer, letter.reason, dataOf(letter)]).toEqual(['read', 'delivery_limit', 1]);
    const again = await process.deadLetters?.page({ limit: 1 });
    expect(again?.letters[0]?.ref).toBe(letter.ref);
    expect(await process.deadLetters?.redrive([letter.ref])).toBe(1);
    expect(await client.basicGet({ queue })).toMatchObject({ exchange: '' });
    await process.close();
  });

  it('of a consumer that was renamed twice go to its last name', async () => {
    const { service, name, process } = await failing(3);
    await process.close();
    const seen = new Set<unknown>();
    const second = join(host.url, service);
    await receive(second, specOf('second', name, { formerly: 'read' }), async () => DONE);
    const isRemoved = ({ reported }: typeof second) =>
      reported.some(({ message }) => message === 'event_consumer_removed');
    await eventually('the end of the first name', () => isRemoved(second));
    await second.close();
    const third = join(host.url, service);
    await receive(third, specOf('third', name, { formerly: 'second' }), async (delivery) => {
      seen.add(dataOf(delivery));
      return DONE;
    });
    await eventually('the end of the second name', () => isRemoved(third));
    const letters = (await third.deadLetters?.page({ limit: 10 }))?.letters ?? [];

    await third.deadLetters?.redrive(letters.map(({ ref }) => ref));

    await eventually('three events', () => seen.size === 3);
    await third.close();
  });

  it('of a renamed consumer go to its new name also while its old queue is still there', async () => {
    const { service, name, process, store } = await failing(1);
    const [letter] = (await store.page({ limit: 1 })).letters;
    const other = join(host.url, service);
    await other.declare([specOf('after', name, { formerly: 'read' })]);

    await store.redrive([letter?.ref ?? '']);

    expect(await countOf(client, `mapbus.queue.${service}.after`)).toBe(1);
    await Promise.all([process.close(), other.close()]);
  });

  it('are not removed by a redrive to a queue that is gone', async () => {
    const { service, process, store, look } = await failing(1);
    const [letter] = (await store.page({ limit: 1 })).letters;
    await process.close();
    await client.queueDelete({ queue: `mapbus.queue.${service}.read` });
    const other = join(host.url, service);

    await expect(other.deadLetters?.redrive([letter?.ref ?? ''])).rejects.toThrow(
      'the queue of the consumer "read" is gone',
    );

    expect((await other.deadLetters?.page({ limit: 9 }))?.letters.map(dataOf)).toEqual([0]);
    expect(look).toBeDefined();
    await other.close();
  });
});
