import { expect, it } from 'vitest';
import { createBroker, folderOf } from '../../scripts/services/broker.ts';
import { createKafkaCluster } from '../../scripts/services/kafka.ts';
import {
  after,
  countDeadLetters,
  countWhenHandled,
  createNotes,
  duplicatesOf,
  MAX_UNCOMMITTED,
  openBus,
  publishAll,
  report,
  startWorker,
  unique,
  until,
} from './support.ts';

/** What becomes of events when brokers of a cluster die. */
export const testKafkaCluster = async (): Promise<void> => {
  const kinds = createKafkaCluster();
  for (const { install, name } of kinds) install(folderOf(name));
  const brokers = kinds.map(createBroker);
  await Promise.all(brokers.map(({ startFresh }) => startFresh()));
  const addresses = kinds.map(({ port }) => `127.0.0.1:${port}`);
  const url = `kafka://${addresses.join(',')}?sessionTimeoutMs=4000&maxUncommitted=${MAX_UNCOMMITTED}`;

  it('a topic with one replica in a cluster is told of', async () => {
    const lines: [string, Record<string, unknown>][] = [];
    const warn = (message: string, fields: Record<string, unknown>) => void lines.push([message, fields]);
    const logger = { debug: () => {}, warn, error: warn };
    const warned = async (address: string, service = unique('billing')) => {
      lines.length = 0;
      const bus = await openBus(address, service, { logger });
      bus.consume(unique('single'), 'note', () => {});
      await bus.ready();
      await bus.close();
      return lines.filter(([message]) => message === 'event_topic_not_replicated');
    };

    expect(await warned(url)).toEqual([]);
    const service = unique('billing');
    const own = await warned(`${url}&replicas=1`, service);
    expect(own.map(([, { brokers: count }]) => count)).toEqual(own.map(() => 3));
    const topicsOf = (warnings: typeof own) => warnings.map(([, { topic }]) => String(topic).split('.')[1]).sort();
    expect(topicsOf(own)).toEqual(['dead', 'events', 'retry', 'used']);
    // The event is another one. The topics of the service are there already.
    expect(topicsOf(await warned(url, service))).toEqual(['dead', 'retry', 'used']);
  });

  it('no publish is confirmed while two of three brokers are away', async () => {
    const name = unique('alone');
    const bus = await openBus(url, unique('shop'), { publishTimeoutMs: 3_000 });
    const publishes = () => Promise.all(Array.from({ length: 30 }, (_, index) => bus.publish(name, { index })));
    const codesOf = async () => new Set((await publishes()).map(({ error }) => error?.code));
    await until('all to be confirmed', async () => (await codesOf()).has(undefined));

    const [first, second] = brokers;
    await Promise.all([first?.kill(), second?.kill()]);
    const codes = await codesOf();
    await Promise.all([first?.start(), second?.start()]);

    expect(codes.has(undefined)).toBe(false);
    await until('all to be confirmed again', async () => {
      const again = await codesOf();
      return again.size === 1 && again.has(undefined);
    });
    await bus.close();
  });

  it('nothing that was confirmed is lost while each of three brokers is killed, and while two are away', async () => {
    const name = unique('clustered');
    const service = unique('billing');
    const notes = createNotes();
    const consumers = [{ consumer: 'note', names: [name], failing: 50 }];
    const start = () => startWorker({ url, service, file: notes.file, consumers });
    const workers = [await start(), await start()];
    const bus = await openBus(url, unique('shop'), { publishTimeoutMs: 5_000 });
    let isOver = false;
    let done = 0;
    const publishing = publishAll(bus, name, 20_000, {
      inFlight: 20,
      onProgress: (confirmed) => {
        done = confirmed;
      },
    });
    const progress = async (by: number) => {
      const before = done;
      await until('progress', () => isOver || done > before + by);
    };
    void publishing.finally(() => {
      isOver = true;
    });
    // One of them leads a partition, and one coordinates the group.
    for (const broker of brokers) {
      await progress(500);
      await broker.kill();
      await progress(100);
      await broker.start();
    }
    // With two of three away, a write has too few replicas.
    const [first, second] = brokers;
    await Promise.all([first?.kill(), second?.kill()]);
    await after(5_000);
    await Promise.all([first?.start(), second?.start()]);
    const { confirmed, errors } = await publishing;
    const counts = await countWhenHandled(confirmed, notes.ids);

    const deadLettered = await countDeadLetters(url, service);
    const bound = duplicatesOf('kafka')({ losses: 10, rebalances: 10, errors });
    report('kafka, three brokers killed in turn, then two at once', { errors, ...counts, bound, deadLettered });
    expect([counts.lost, deadLettered]).toEqual([0, 0]);
    expect(counts.duplicates).toBeLessThanOrEqual(bound);
    await Promise.all([bus.close(), ...workers.map((worker) => worker.stop())]);
    await Promise.all(brokers.map((broker) => broker.stop()));
  });
};
