import { expect, it } from 'vitest';
import { scaled } from './scale.ts';
import {
  after,
  countDeadLetters,
  countWhenHandled,
  createNotes,
  duplicatesOf,
  keyOf,
  openBus,
  report,
  type Site,
  startWorker,
  unique,
  until,
} from './support.ts';

/** The keys whose events were first handled in another order than that of their publishes. */
const outOfOrder = (
  notes: readonly { readonly id: string; readonly index: number; readonly key: string }[],
): string[] => {
  const last = new Map<string, number>();
  const seen = new Set<string>();
  const wrong = new Set<string>();
  for (const { id, index, key } of notes) {
    // One that comes twice comes late.
    if (seen.has(id)) continue;
    seen.add(id);
    if (index < (last.get(key) ?? -1)) wrong.add(key);
    last.set(key, index);
  }
  return [...wrong];
};

/** Each while many publishes wait for their answers. */
const CUTS = 20;
/** What a process takes ahead for its ten handlers, so that keys that wait do not hold up others. */
const IN_HAND = 100;

/** What keeps the order of a key. */
export const testOrder = (site: Site): void => {
  const { kind } = site;

  it('1,000 keys keep their order over two processes that die, failing handlers and publish errors', async () => {
    const name = unique('ordered');
    const service = unique('billing');
    const notes = createNotes();
    const consumers = [{ consumer: 'note', names: [name], order: 'key' as const, failing: 97 }];
    const start = () => startWorker({ url: site.url, service, file: notes.file, consumers });
    const workers = [await start(), await start()];
    const { proxy, url } = await site.openProxy();
    const keys = Math.max(100, scaled(1_000));
    const perKey = 20;
    const count = keys * perKey;
    const options = { keys: keyOf(name), publishTimeoutMs: 120_000, maxPendingPublishes: count };
    const bus = await openBus(url, unique('shop'), options);
    const confirmed = new Set<string>();
    let errors = 0;
    let waiting = 0;
    /** Over RabbitMQ, each cut may make each publish that waits for its answer come once more. */
    let waitedAtCuts = 0;
    // All events of a key are published at once, without waiting for one another.
    const publishing = Array.from({ length: count }, async (_, index) => {
      const key = `key${index % keys}`;
      // So that publishes and cuts meet.
      await after(Math.floor(index / 100) * 20);
      waiting++;
      const { id, error } = await bus.publish(name, { index, key });
      waiting--;
      if (error) errors++;
      else if (confirmed.add(id).size % (count / CUTS) === 0) {
        waitedAtCuts += waiting;
        proxy.cut();
      }
    });
    await until('some events', () => notes.ids().length > count / 10);
    await workers[0]?.restart();
    await Promise.all(publishing);
    const counts = await countWhenHandled(confirmed, () => notes.ids());

    const deadLettered = await countDeadLetters(site.url, service);
    const wrong = outOfOrder(notes.read());
    const writtenAgain = kind === 'rabbitmq' ? waitedAtCuts : 0;
    const bound = writtenAgain + duplicatesOf(kind, IN_HAND)({ losses: 1, rebalances: 2, errors });
    report(`${kind}, ${keys} keys in order`, {
      published: count,
      cuts: CUTS,
      errors,
      ...counts,
      bound,
      wrong: wrong.length,
      deadLettered,
    });
    expect(wrong).toEqual([]);
    expect([counts.lost, deadLettered]).toEqual([0, 0]);
    expect(counts.duplicates).toBeLessThanOrEqual(bound);
    await Promise.all([bus.close(), ...workers.map((worker) => worker.stop())]);
  });
};
