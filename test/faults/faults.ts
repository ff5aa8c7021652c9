import { expect, it } from 'vitest';
import { available } from '../brokers/support.ts';
import {
  after,
  countDeadLetters,
  countHandled,
  createNotes,
  openBus,
  openSite,
  publishAll,
  report,
  type Site,
  scaled,
  startWorker,
  unique,
  until,
  withQuery,
} from './support.ts';

/** Declares the tests of one broker: a file for each, since they wait most of the time, and both can at once. */
export const testFaults = async (kind: Site['kind']): Promise<void> => {
  if ((await available([kind])).length === 0) return;
  const site = await openSite(kind);

  it('nothing that was confirmed is lost while the processes of two services are killed', async () => {
    const name = unique('killed');
    const services = ['billing', 'mail'].map((service) => ({ service: unique(service), notes: createNotes() }));
    const workers = await Promise.all(
      services.flatMap(({ service, notes: { file } }) =>
        [1, 2].map(() => startWorker({ url: site.url, service, names: [name], file, failing: 20 })),
      ),
    );
    const bus = await openBus(site.url, unique('shop'));
    const count = scaled(20_000);
    const publishing = publishAll(bus, name, count);
    for (let round = 0; round < Math.max(2, scaled(5)); round++) {
      await Promise.all(workers.map((worker) => worker.restart()));
    }
    const { confirmed, errors } = await publishing;
    for (const { service, notes } of services) {
      await until('every event', () => countHandled(confirmed, notes.ids()).lost === 0).catch(() => {});
      const counts = countHandled(confirmed, notes.ids());
      const deadLettered = await countDeadLetters(site.url, service);
      report(`${kind}, processes killed`, { published: count, errors, ...counts, deadLettered });
      expect([counts.lost, deadLettered]).toEqual([0, 0]);
      expect(counts.handled).toBe(confirmed.size);
    }
    await Promise.all([bus.close(), ...workers.map((worker) => worker.stop())]);
  });

  it('processes of a service come and go without losing an event', async () => {
    const name = unique('deployed');
    const service = unique('billing');
    const notes = createNotes();
    const start = () => startWorker({ url: site.url, service, names: [name], file: notes.file, delayMs: 40 });
    let running = await Promise.all([start(), start()]);
    const bus = await openBus(site.url, unique('shop'));
    const count = scaled(20_000);
    const publishing = publishAll(bus, name, count);
    const rounds = Math.max(2, scaled(5));
    for (let round = 0; round < rounds; round++) {
      const [oldest, ...others] = running;
      running = [...others, await start()];
      await oldest?.stop();
    }
    const { confirmed, errors } = await publishing;
    await until('every event', () => countHandled(confirmed, notes.ids()).lost === 0).catch(() => {});
    await Promise.all([bus.close(), ...running.map((worker) => worker.stop())]);

    const counts = countHandled(confirmed, notes.ids());
    const deadLettered = await countDeadLetters(site.url, service);
    report(`${kind}, processes replaced`, { published: count, errors, ...counts, deadLettered });
    expect([counts.lost, deadLettered]).toEqual([0, 0]);
    // Kafka gives a partition away while its events are in hand; RabbitMQ none that are.
    expect(counts.duplicates).toBeLessThanOrEqual(kind === 'kafka' ? rounds * 200 : 0);
  });

  it('a process that dies between the retry of a handler and the acknowledgement costs one duplicate', async () => {
    const name = unique('torn');
    const notes = createNotes();
    const place = { url: site.url, service: unique('billing'), names: [name], file: notes.file };
    const dying = await startWorker({ ...place, failing: 1, diesAfterRetry: true });
    const bus = await openBus(site.url, unique('shop'));
    const { confirmed } = await publishAll(bus, name, 1);
    expect(await dying.died()).toBe('SIGKILL');
    expect(notes.ids()).toEqual([]);

    const next = await startWorker(place);
    await until('the event and its retry', () => notes.ids().length === 2);
    await after(500);

    const counts = countHandled(confirmed, notes.ids());
    report(`${kind}, killed between retry and acknowledgement`, { published: 1, ...counts });
    expect(counts).toEqual({ confirmed: 1, handled: 1, lost: 0, duplicates: 1 });
    await Promise.all([bus.close(), next.stop()]);
  });

  it('nothing that was confirmed is lost while the broker is killed and connections are cut', async () => {
    const name = unique('cut');
    const notes = createNotes();
    const service = unique('billing');
    const { proxy, url } = await site.openProxy();
    const worker = await startWorker({ url, service, names: [name], file: notes.file });
    const bus = await openBus(url, unique('shop'), { publishTimeoutMs: 5_000 });
    const count = scaled(20_000);
    let done = 0;
    const publishing = publishAll(bus, name, count, { onProgress: (confirmed) => (done = confirmed) });
    const kills = Math.max(1, scaled(3));
    const cuts = scaled(20);
    for (let round = 0; round < cuts + kills; round++) {
      await until('progress', () => done >= (count * round) / (cuts + kills + 1));
      if (round % Math.ceil((cuts + kills) / kills) === 1) {
        await site.own.kill();
        await site.own.start();
      } else proxy.cut();
    }
    const { confirmed, errors } = await publishing;
    await until('every event', () => countHandled(confirmed, notes.ids()).lost === 0).catch(() => {});
    const counts = countHandled(confirmed, notes.ids());
    const deadLettered = await countDeadLetters(site.url, service);
    const what = `${kind}, broker killed ${kills} times and cut ${cuts} times`;
    report(what, { published: count, errors, ...counts, deadLettered });
    expect([counts.lost, deadLettered]).toEqual([0, 0]);
    await Promise.all([bus.close(), worker.stop()]);
    await proxy.close();
  });

  it('publishes to a frozen broker end with an error, and all goes on when it thaws', async () => {
    const name = unique('frozen');
    const bus = await openBus(site.url, unique('shop'), { publishTimeoutMs: 1_000 });
    const seen: unknown[] = [];
    bus.subscribe(name, (payload) => void seen.push(payload), { name: 'keep' });
    await bus.ready();
    await bus.publish(name, 'before');

    await site.own.freeze();
    const frozen = await Promise.all(Array.from({ length: 10 }, () => bus.publish(name, 'frozen')));
    site.own.thaw();

    expect(new Set(frozen.map(({ error }) => error?.code))).toEqual(new Set(['publish_timeout']));
    expect(new Set(frozen.map(({ error }) => error?.outcome))).toEqual(new Set(['unknown']));
    const { confirmed } = await publishAll(bus, name, 10, { inFlight: 1 });
    expect(confirmed.size).toBe(10);
    await until('the events', () => seen.length >= 11);
    await bus.close();
  });

  it('a half-open connection times out, and is got over', async () => {
    const name = unique('stalled');
    const { proxy, url } = await site.openProxy();
    const bus = await openBus(url, unique('shop'), { publishTimeoutMs: 1_000 });
    await publishAll(bus, name, 1);

    proxy.stall(true);
    const { error } = await bus.publish(name, 'stalled');
    expect(error).toMatchObject({ code: 'publish_timeout', outcome: 'unknown' });
    proxy.cut();
    proxy.stall(false);

    const { confirmed } = await publishAll(bus, name, 10, { inFlight: 1 });
    expect(confirmed.size).toBe(10);
    await bus.close();
    await proxy.close();
  });

  it('events of one key keep their order, also across a restart of their process', async () => {
    const name = unique('ordered');
    const notes = createNotes();
    const url = kind === 'rabbitmq' ? withQuery(site.url, 'singleActiveConsumer=true') : site.url;
    const worker = await startWorker({ url, service: unique('billing'), names: [name], file: notes.file });
    const bus = await openBus(site.url, unique('shop'));
    const count = scaled(10_000);
    // One at a time for each key, as who wants an order publishes: what is published at once has none.
    const perKey = Array.from({ length: 100 }, (_, key) => key);
    const publishing = Promise.all(
      perKey.map(async (key) => {
        const ids: string[] = [];
        for (let index = 0; index < count / 100; index++) {
          const { id, error } = await bus.publish(name, { index, key }, { key: `key${key}` });
          expect(error).toBeUndefined();
          ids.push(id);
        }
        return ids;
      }),
    );
    await until('some events', () => notes.ids().length > count / 4);
    await worker.restart();
    const confirmed = new Set((await publishing).flat());
    await until('every event', () => countHandled(confirmed, notes.ids()).lost === 0);

    const counts = countHandled(confirmed, notes.ids());
    report(`${kind}, ordered by 100 keys, one restart`, { published: count, ...counts });
    const firsts = new Map<string, number[]>();
    const seen = new Set<string>();
    for (const [id = '', index, key = ''] of notes.read()) {
      if (seen.has(id)) continue;
      seen.add(id);
      firsts.set(key, [...(firsts.get(key) ?? []), Number(index)]);
    }
    for (const indexes of firsts.values()) expect(indexes).toEqual(indexes.toSorted((a, b) => a - b));
    await Promise.all([bus.close(), worker.stop()]);
  });

  it('close lets 1,000 running handlers finish, and nothing comes twice afterwards', async () => {
    const name = unique('closing');
    const service = unique('billing');
    const notes = createNotes();
    const count = scaled(1_000);
    const url = withQuery(site.url, `prefetch=${count}`);
    const worker = await startWorker({ url, service, names: [name], file: notes.file, delayMs: 1_000 });
    const bus = await openBus(site.url, unique('shop'));
    const { confirmed } = await publishAll(bus, name, count * 2);
    await after(300);
    const begun = Date.now();
    const { exitMs } = await worker.stop();
    const stoppedMs = Date.now() - begun;
    const next = await startWorker({ url, service, names: [name], file: notes.file });
    await until('every event', () => countHandled(confirmed, notes.ids()).lost === 0);
    await after(1_000);

    const counts = countHandled(confirmed, notes.ids());
    report(`${kind}, closed with ${count} handlers running`, { published: count * 2, stoppedMs, exitMs, ...counts });
    expect(counts.duplicates).toBe(0);
    expect(exitMs).toBeLessThan(1_000);
    await Promise.all([bus.close(), next.stop()]);
  });

  it('forced disconnects leave one consumer for a subscription', async () => {
    const name = unique('counted');
    const service = unique('billing');
    const { proxy, url } = await site.openProxy();
    const bus = await openBus(url, service);
    let seen = 0;
    bus.subscribe(name, () => void seen++, { name: 'count' });
    await bus.ready();

    for (let cut = 1; cut <= 10; cut++) {
      proxy.cut();
      const before = seen;
      await publishAll(bus, name, 1);
      await until('the event after a cut', () => seen > before);
    }

    await until('one consumer', async () => (await site.countConsumers(service)) === 1);
    await bus.close();
    await proxy.close();
  });

  it('what is subscribed to while the connection is cut is in force when the bus is ready', async () => {
    const { proxy, url } = await site.openProxy();
    const [bus, publisher] = await Promise.all([openBus(url, unique('billing')), openBus(site.url, unique('shop'))]);
    const seen = new Set<string>();
    for (let round = 0; round < scaled(20); round++) {
      const name = unique('added');
      if (round > 0) proxy.cut();
      await after(Math.random() * 20);
      bus.subscribe(name, () => void seen.add(name), { name: 'note' });
      if (round % 2 > 0) proxy.cut();
      await bus.ready();
      await publishAll(publisher, name, 1);
      await until('the event', () => seen.has(name));
    }
    await Promise.all([bus.close(), publisher.close()]);
    await proxy.close();
  });

  it('ready gets there while the broker is restarted', async () => {
    const restarts = scaled(20) < 20 ? 1 : 20;
    // One that has the queues of all tests before takes half a minute for each start.
    await site.own.stop();
    await site.own.startFresh();
    const took: number[] = [];
    for (let restart = 0; restart < restarts; restart++) {
      const name = unique('declared');
      const bus = await openBus(site.url, unique('billing'), { readyTimeoutMs: 120_000, publishTimeoutMs: 3_000 });
      const seen: unknown[] = [];
      bus.subscribe(name, (payload) => void seen.push(payload), { name: 'keep' });
      const ready = bus.ready();
      await after(Math.random() * 300);
      // Not killed: RabbitMQ 3.10 loses, for good, the leader of a queue that was declared within the last second.
      await site.own.stop();
      await after(Math.random() * 300);
      await site.own.start();
      const begun = Date.now();
      await ready;
      took.push(Date.now() - begun);
      await publishAll(bus, name, 1);
      await until('the event', () => seen.length > 0);
      await bus.close();
    }
    report(`${kind}, restarted ${restarts} times during ready`, { slowestMs: Math.max(...took) });
  });

  it('memory stays flat', async () => {
    const name = unique('endless');
    const { proxy, url } = await site.openProxy();
    const bus = await openBus(withQuery(url, 'prefetch=100'), unique('billing'));
    let seen = 0;
    bus.subscribe(name, () => void seen++, { name: 'count' });
    await bus.ready();
    const burst = async (count: number) => {
      const before = seen;
      await publishAll(bus, name, count);
      proxy.cut();
      await until('the burst', () => seen >= before + count);
      await after(500);
      globalThis.gc?.();
      return process.memoryUsage().heapUsed;
    };
    const total = scaled(200_000);
    const first = await burst(total / 10);
    let last = 0;
    for (let round = 1; round < 10; round++) last = await burst(total / 10);

    report(`${kind}, memory over ${total} events and 10 cuts`, {
      firstMb: (first / 1e6).toFixed(1),
      lastMb: (last / 1e6).toFixed(1),
    });
    expect(last / first).toBeLessThan(1.15);
    await bus.close();
    await proxy.close();
  });
};
