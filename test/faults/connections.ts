import { expect, it } from 'vitest';
import { isFullSize, scaled } from './scale.ts';
import {
  after,
  countDeadLetters,
  countWhenHandled,
  createNotes,
  duplicatesOf,
  openBus,
  publishAll,
  report,
  type Site,
  startWorker,
  unique,
  until,
} from './support.ts';

/** What becomes of events when a broker or the network between fails. */
export const testConnections = (site: Site): void => {
  const { kind } = site;
  const boundOf = duplicatesOf(kind);

  it('nothing that was confirmed is lost while the broker is killed and connections are cut', async () => {
    const name = unique('cut');
    const notes = createNotes();
    const service = unique('billing');
    const { proxy, url } = await site.openProxy();
    const worker = await startWorker({
      url,
      service,
      file: notes.file,
      consumers: [{ consumer: 'note', names: [name] }],
    });
    const bus = await openBus(url, unique('shop'), { publishTimeoutMs: 5_000 });
    // RabbitMQ 3.10 loses, for good, the leader of a queue if it is killed within a second of its declaration.
    await after(2_000);
    const count = scaled(20_000);
    let done = 0;
    const onProgress = (confirmed: number) => {
      done = confirmed;
    };
    const publishing = publishAll(bus, name, count, { onProgress });
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
    const counts = await countWhenHandled(confirmed, notes.ids);
    const deadLettered = await countDeadLetters(site.url, service);
    // A publish that is repeated below the bus has no error: at most what was in flight at each cut. Kafka takes it once.
    const repeated = kind === 'kafka' ? 0 : (kills + cuts) * 100;
    const bound = boundOf({ losses: kills + cuts, errors }) + repeated;
    const what = `${kind}, broker killed ${kills} times and cut ${cuts} times`;
    report(what, { published: count, errors, ...counts, bound, deadLettered });
    expect([counts.lost, deadLettered]).toEqual([0, 0]);
    expect(counts.duplicates).toBeLessThanOrEqual(bound);
    await Promise.all([bus.close(), worker.stop()]);
  });

  it('publishes to a frozen broker end with an error, and all goes on when it thaws', async () => {
    const name = unique('frozen');
    const bus = await openBus(site.url, unique('shop'), { publishTimeoutMs: 1_000 });
    const seen: unknown[] = [];
    bus.consume(name, 'keep', (payload) => void seen.push(payload));
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

  it('a publisher gets over a connection whose bytes just stop', async () => {
    const name = unique('stalled');
    const { proxy, url } = await site.openProxy();
    const bus = await openBus(url, unique('shop'), { publishTimeoutMs: 2_000 });
    await publishAll(bus, name, 1);

    // Nobody cuts: the old connections stay silent, and new ones work.
    proxy.stall(true, { newOnesToo: false });
    const begun = Date.now();
    const { confirmed, errors } = await publishAll(bus, name, 10, { inFlight: 1 });
    const backMs = Date.now() - begun;

    report(`${kind}, publisher on a half-open connection`, { errors, backMs });
    expect(confirmed.size).toBe(10);
    expect(backMs).toBeLessThan(10_000);
    await bus.close();
  });

  it('a consumer gets over a connection whose bytes just stop', async () => {
    const name = unique('deaf');
    const service = unique('billing');
    const { proxy, url } = await site.openProxy();
    const bus = await openBus(url, service);
    const seen = new Set<unknown>();
    bus.consume(name, 'keep', (payload) => seen.add((payload as { index: number }).index));
    await bus.ready();
    const publisher = await openBus(site.url, unique('shop'));
    await publishAll(publisher, name, 1);
    await until('the first event', () => seen.size === 1);

    proxy.stall(true, { newOnesToo: false });
    const begun = Date.now();
    await publishAll(publisher, name, 10);
    await until('the events', () => seen.size === 10, 60_000);
    const backMs = Date.now() - begun;

    report(`${kind}, consumer on a half-open connection`, { backMs });
    expect(backMs).toBeLessThan(30_000);
    await Promise.all([bus.close(), publisher.close()]);
  });

  it('forced disconnects leave one member of a consumer', async () => {
    const name = unique('counted');
    const service = unique('billing');
    const consumer = unique('count');
    const { proxy, url } = await site.openProxy();
    const bus = await openBus(url, service);
    let seen = 0;
    bus.consume(name, consumer, () => void seen++);
    await bus.ready();

    for (let cut = 1; cut <= 10; cut++) {
      proxy.cut();
      const before = seen;
      await publishAll(bus, name, 1);
      await until('the event after a cut', () => seen > before);
    }

    const isOne = async () => (await site.countMembers(service, consumer)) === 1;
    await until('one member', isOne);
    // One that comes back late would be a second one.
    await after(3_000);
    expect(await isOne()).toBe(true);
    await bus.close();
  });

  it('a consumer that starts while the connection is cut is in force when the bus is ready', async () => {
    const { proxy, url } = await site.openProxy();
    const [bus, publisher] = await Promise.all([openBus(url, unique('billing')), openBus(site.url, unique('shop'))]);
    const seen = new Set<string>();
    for (let round = 0; round < scaled(20); round++) {
      const name = unique('added');
      if (round > 0) proxy.cut();
      await after(Math.random() * 20);
      bus.consume(name, `note${round}`, () => void seen.add(name));
      if (round % 2 > 0) proxy.cut();
      await bus.ready();
      await publishAll(publisher, name, 1);
      await until('the event', () => seen.has(name));
    }
    await Promise.all([bus.close(), publisher.close()]);
  });

  it('ready gets there while the broker is restarted', async () => {
    const restarts = isFullSize ? 20 : 1;
    // One that has the queues of all tests before takes half a minute for each start.
    await site.own.stop();
    await site.own.startFresh();
    const took: number[] = [];
    for (let restart = 0; restart < restarts; restart++) {
      const name = unique('declared');
      const bus = await openBus(site.url, unique('billing'), { readyTimeoutMs: 120_000, publishTimeoutMs: 3_000 });
      const seen: unknown[] = [];
      bus.consume(name, 'keep', (payload) => void seen.push(payload));
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

  it('publishes and deliveries are back soon after the broker is', async () => {
    const name = unique('back');
    const bus = await openBus(site.url, unique('billing'), { publishTimeoutMs: 30_000 });
    const seen = new Set<string>();
    bus.consume(name, 'keep', (_, { id }) => seen.add(id));
    await bus.ready();
    await publishAll(bus, name, 1);
    await after(1_500);
    const rows: { downMs: number; publishMs: number; deliveryMs: number }[] = [];
    for (const downMs of isFullSize ? [1_500, 5_000, 12_000] : [1_500]) {
      await site.own.kill();
      await after(downMs);
      await site.own.start();
      const begun = Date.now();
      const { confirmed } = await publishAll(bus, name, 1);
      const publishMs = Date.now() - begun;
      await until('the delivery', () => [...confirmed].every((id) => seen.has(id)));
      rows.push({ downMs, publishMs, deliveryMs: Date.now() - begun });
    }
    for (const row of rows) report(`${kind}, back after ${row.downMs} ms away`, row);
    // What is promised is half of it; the benchmark of the clients measures it on a quiet machine.
    for (const { publishMs, deliveryMs } of rows) {
      expect(publishMs).toBeLessThan(4_000);
      expect(deliveryMs).toBeLessThan(10_000);
    }
    await bus.close();
  });
};
