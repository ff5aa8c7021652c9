import { expect, it } from 'vitest';
import { scaled } from './scale.ts';
import {
  after,
  countDeadLetters,
  countHandled,
  countWhenHandled,
  createNotes,
  duplicatesOf,
  IN_FLIGHT,
  openBus,
  publishAll,
  publishDuring,
  report,
  type Site,
  startWorker,
  unique,
  until,
} from './support.ts';

/** What becomes of events when the processes of a service die, freeze, come and go. */
export const testProcesses = (site: Site): void => {
  const { kind } = site;
  const boundOf = duplicatesOf(kind);

  it('nothing that was confirmed is lost while the processes of two services are killed', async () => {
    const name = unique('killed');
    const services = ['billing', 'mail'].map((service) => ({ service: unique(service), notes: createNotes() }));
    const consumers = [{ consumer: 'note', names: [name], failing: 20 }];
    const workers = await Promise.all(
      services.flatMap(({ service, notes: { file } }) =>
        [1, 2].map(() => startWorker({ url: site.url, service, file, consumers })),
      ),
    );
    const bus = await openBus(site.url, unique('shop'));
    const count = scaled(20_000);
    const publishing = publishAll(bus, name, count);
    const rounds = Math.max(2, scaled(5));
    for (let round = 0; round < rounds; round++) await Promise.all(workers.map((worker) => worker.restart()));
    const { confirmed, errors } = await publishing;
    for (const { service, notes } of services) {
      const counts = await countWhenHandled(confirmed, notes.ids);
      const deadLettered = await countDeadLetters(site.url, service);
      const bound = boundOf({ losses: rounds * 2, errors });
      report(`${kind}, processes killed`, { published: count, errors, ...counts, bound, deadLettered });
      expect([counts.lost, deadLettered]).toEqual([0, 0]);
      expect(counts.handled).toBe(confirmed.size);
      expect(counts.duplicates).toBeLessThanOrEqual(bound);
    }
    await Promise.all([bus.close(), ...workers.map((worker) => worker.stop())]);
  });

  it('processes of a service come and go without losing an event', async () => {
    const name = unique('replaced');
    const service = unique('billing');
    const notes = createNotes();
    const consumers = [{ consumer: 'note', names: [name], delayMs: 40 }];
    const start = () => startWorker({ url: site.url, service, file: notes.file, consumers });
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
    const counts = await countWhenHandled(confirmed, notes.ids);
    await Promise.all([bus.close(), ...running.map((worker) => worker.stop())]);

    const deadLettered = await countDeadLetters(site.url, service);
    const bound = boundOf({ rebalances: rounds * 2, errors });
    report(`${kind}, processes replaced`, { published: count, errors, ...counts, bound, deadLettered });
    expect([counts.lost, deadLettered]).toEqual([0, 0]);
    expect(counts.duplicates).toBeLessThanOrEqual(bound);
  });

  it('a rolling deploy and its way back add, remove and rename consumers without losing an event', async () => {
    const name = unique('deployed');
    const service = unique('billing');
    const notes = createNotes();
    const names = [name];
    const stays = { consumer: 'stays', names };
    const versions = {
      old: [stays, { consumer: 'removed', names }, { consumer: 'before', names }],
      new: [stays, { consumer: 'added', names }, { consumer: 'after', names, formerly: 'before' }],
    };
    const start = (version: keyof typeof versions) =>
      startWorker({ url: site.url, service, file: notes.file, consumers: versions[version] });
    let running = [await start('old'), await start('old')];
    const bus = await openBus(site.url, unique('shop'));
    const replaceAll = async (version: keyof typeof versions) => {
      for (let index = 0; index < running.length; index++) {
        const [oldest, ...others] = running;
        running = [...others, await start(version)];
        await oldest?.stop();
      }
    };

    const count = scaled(20_000) / 2;
    const { confirmed, errors } = await publishDuring(bus, name, count, replaceAll('new'));
    const renamed = () => [...notes.ids('before'), ...notes.ids('after')];
    await until('an event of the added consumer', () => notes.ids('added').length > 0);
    const staysCounts = await countWhenHandled(confirmed, () => notes.ids('stays'));
    const renamedCounts = await countWhenHandled(confirmed, renamed);

    const back = await publishDuring(bus, name, count, replaceAll('old'));
    const staysBack = await countWhenHandled(back.confirmed, () => notes.ids('stays'));
    const removedBack = await countWhenHandled(new Set([...back.confirmed].slice(-count / 4)), () =>
      notes.ids('removed'),
    );
    const renamedBack = await countWhenHandled(back.confirmed, renamed);
    await Promise.all([bus.close(), ...running.map((worker) => worker.stop())]);

    const deadLettered = await countDeadLetters(site.url, service);
    const bound = boundOf({ rebalances: 8, errors: errors + back.errors });
    const staysTwice = notes.ids('stays').length - new Set(notes.ids('stays')).size;
    report(`${kind}, rolling deploy and back`, {
      published: confirmed.size + back.confirmed.size,
      lost: [staysCounts, renamedCounts, staysBack, removedBack, renamedBack].map(({ lost }) => lost).join(' '),
      staysTwice,
      bound,
      renamedTwice: `${renamedCounts.duplicates} ${renamedBack.duplicates}`,
      deadLettered,
    });
    expect([staysCounts, renamedCounts, staysBack, removedBack, renamedBack].map(({ lost }) => lost)).toEqual([
      0, 0, 0, 0, 0,
    ]);
    expect(deadLettered).toBe(0);
    expect(staysTwice).toBeLessThanOrEqual(bound);
    // RabbitMQ binds one queue and then unbinds the other: what is in flight in between goes to both.
    const renamedBound = bound + IN_FLIGHT * 2;
    expect(renamedCounts.duplicates).toBeLessThanOrEqual(renamedBound);
    // On the way back over Kafka, nobody gives the present name back to the former one: both get each event.
    if (kind === 'rabbitmq') expect(renamedBack.duplicates).toBeLessThanOrEqual(renamedBound);
  });

  it('every process is asked to end five times, and no event that follows from another is lost', async () => {
    const name = unique('ended');
    const followUp = unique('followed');
    const service = unique('billing');
    const notes = createNotes();
    const consumers = [
      { consumer: 'first', names: [name], followUp, delayMs: 5 },
      { consumer: 'second', names: [followUp] },
    ];
    const workers = await Promise.all(
      [1, 2].map(() => startWorker({ url: site.url, service, file: notes.file, consumers })),
    );
    const bus = await openBus(site.url, unique('shop'));
    const count = scaled(10_000);
    const publishing = publishAll(bus, name, count);
    const rounds = Math.max(2, scaled(5));
    for (let round = 0; round < rounds; round++)
      await Promise.all(
        workers.map(async ({ stop, start }) => {
          await stop();
          await start();
        }),
      );
    const { confirmed, errors } = await publishing;
    const first = await countWhenHandled(confirmed, () => notes.ids('first'));
    const followed = new Set([...confirmed].map((id) => `${id}/${followUp}`));
    const second = await countWhenHandled(followed, () => notes.ids('second'));
    await Promise.all([bus.close(), ...workers.map((worker) => worker.stop())]);

    const deadLettered = await countDeadLetters(site.url, service);
    const bound = boundOf({ rebalances: rounds * 4, errors });
    report(`${kind}, asked to end ${rounds} times`, {
      published: count,
      lost: first.lost,
      followUpsLost: second.lost,
      duplicates: `${first.duplicates} ${second.duplicates}`,
      bound,
      deadLettered,
    });
    expect([first.lost, second.lost, deadLettered]).toEqual([0, 0, 0]);
    expect(first.duplicates).toBeLessThanOrEqual(bound);
    // A first event that comes twice has the same follow-up twice.
    expect(second.duplicates).toBeLessThanOrEqual(2 * bound);
  });

  it('a process that dies between the retry of an event and the acknowledgement costs one duplicate', async () => {
    const name = unique('torn');
    const notes = createNotes();
    const consumers = [{ consumer: 'note', names: [name], failing: 1 }];
    const place = { url: site.url, service: unique('billing'), file: notes.file, consumers };
    const dying = await startWorker({ ...place, diesAfterRetry: true });
    const bus = await openBus(site.url, unique('shop'));
    const { confirmed } = await publishAll(bus, name, 1);
    expect(await dying.died()).toBe('SIGKILL');
    expect(notes.ids()).toEqual([]);

    const next = await startWorker(place);
    // The retry succeeds. The event itself comes again as a first attempt, which fails and is retried.
    await until('the event and its retry', () => notes.ids().length === 2);

    const counts = countHandled(confirmed, notes.ids());
    report(`${kind}, killed between retry and acknowledgement`, { published: 1, ...counts });
    expect(counts).toEqual({ confirmed: 1, handled: 1, lost: 0, duplicates: 1 });
    await Promise.all([bus.close(), next.stop()]);
  });

  it('a process that is frozen for longer than its session costs no more than what it had in hand', async () => {
    const name = unique('thawed');
    const service = unique('billing');
    const notes = createNotes();
    const consumers = [{ consumer: 'note', names: [name], delayMs: 2 }];
    const start = () => startWorker({ url: site.url, service, file: notes.file, consumers });
    const [frozen, other] = [await start(), await start()];
    const bus = await openBus(site.url, unique('shop'));
    const count = scaled(20_000);
    const publishing = publishAll(bus, name, count, { inFlight: 20 });
    await until('some events', () => notes.ids().length > count / 10);

    frozen.freeze();
    // RabbitMQ closes a connection that was silent for two heartbeats of 5 s; the session on Kafka is 2 s here.
    const { confirmed, errors } = await publishing;
    const whileFrozen = await countWhenHandled(confirmed, notes.ids);
    frozen.thaw();
    const thawed = await publishAll(bus, name, count / 10);
    const all = new Set([...confirmed, ...thawed.confirmed]);
    const counts = await countWhenHandled(all, notes.ids);
    await frozen.stop();
    await other.stop();
    await bus.close();

    const { duplicates } = countHandled(all, notes.ids());
    const deadLettered = await countDeadLetters(site.url, service);
    const allErrors = errors + thawed.errors;
    const bound = boundOf({ losses: 1, rebalances: 2, errors: allErrors });
    const published = count + count / 10;
    report(`${kind}, frozen and thawed`, { published, errors: allErrors, ...counts, duplicates, bound, deadLettered });
    expect([whileFrozen.lost, counts.lost, deadLettered]).toEqual([0, 0, 0]);
    expect(duplicates).toBeLessThanOrEqual(bound);
  });

  it('close lets 1,000 running handlers finish, and nothing comes twice afterwards', async () => {
    const name = unique('closing');
    const service = unique('billing');
    const notes = createNotes();
    const count = scaled(1_000);
    const consumers = [{ consumer: 'note', names: [name], delayMs: 1_000, concurrency: count }];
    const start = () => startWorker({ url: site.url, service, file: notes.file, consumers });
    const worker = await start();
    const bus = await openBus(site.url, unique('shop'));
    const { confirmed } = await publishAll(bus, name, count * 2);
    await after(300);
    const begun = Date.now();
    const { exitMs } = await worker.stop();
    const stoppedMs = Date.now() - begun;
    const next = await start();
    const { lost } = await countWhenHandled(confirmed, notes.ids);
    // What came twice would come within the time of a handler.
    await after(1_500);

    const counts = countHandled(confirmed, notes.ids());
    report(`${kind}, closed with ${count} handlers running`, { published: count * 2, stoppedMs, exitMs, ...counts });
    expect([lost, counts.duplicates]).toEqual([0, 0]);
    expect(exitMs).toBeLessThan(1_000);
    await Promise.all([bus.close(), next.stop()]);
  });
};
