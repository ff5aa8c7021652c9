import { type RehearsalOptions, rehearsal } from 'mapbus/testing';
import type { Delivery, Message } from 'mapbus/transport';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

/** The first number of this seed is 0. */
const SEED_OF_ZERO = 2_463_401_483;

const toMessage = (id: number): Message => ({
  name: 'ping',
  id: String(id),
  source: '/test',
  body: String(id),
  key: undefined,
  headers: {},
});

/** Publishes events to a consumer, and plays until nothing is due. */
const play = async (options: RehearsalOptions, count = 20) => {
  const connection = rehearsal(options).connect({
    service: 'test',
    namespace: '',
    sends: 'all',
    publishTimeoutMs: 10_000,
    report: () => {},
  });
  const spec = {
    consumer: 'keep',
    names: ['ping'],
    order: undefined,
    concurrency: 100,
    timeoutMs: 1_000,
    retryDelaysMs: [1_000],
    expiresAfterMs: 1_000_000,
    formerly: undefined,
  };
  const start = Date.now();
  const now = () => Date.now() - start;
  const arrivals: { readonly id: number; readonly at: number; readonly deliveries: number | undefined }[] = [];
  const livedMs: number[] = [];
  await connection.declare([spec]);
  await connection.consume(spec, async ({ body, deliveries, signal }: Delivery) => {
    const at = now();
    arrivals.push({ id: Number(body), at, deliveries });
    if (options.deaths === undefined) return { is: 'done' };
    // Who does not die shares its signal with others, and that takes few listeners.
    signal.onabort = () => livedMs.push(now() - at);
    // Longer than any process lives that dies.
    await new Promise((resolve) => setTimeout(resolve, 2 * (options.maxDelayMs ?? 10)));
    return { is: 'done' };
  });
  const outcomes: unknown[] = [];
  for (let id = 0; id < count; id++) {
    const published = connection.publish(toMessage(id), { signal: new AbortController().signal, session: undefined });
    outcomes.push(await published.catch((error: unknown) => error));
  }
  await vi.runAllTimersAsync();
  return { arrivals, livedMs, outcomes, ids: new Set(arrivals.map(({ id }) => id)) };
};

describe('rehearsal', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('gives the same day for the same seed, in every version', async () => {
    const { arrivals } = await play({ seed: 42, duplicates: 0, maxDelayMs: 1_000_000 });

    const times = arrivals.toSorted((a, b) => a.id - b.id).map(({ at }) => at);
    expect(times.slice(0, 5)).toEqual([448_291, 174_814, 624_745, 249_924, 307_002]);
  });

  it('gives another day for each seed, and without one', async () => {
    const seeds = [1, 2, undefined, undefined];
    const days = await Promise.all(
      seeds.map(async (seed) => (await play({ seed, maxDelayMs: 1_000 })).arrivals.map(({ id, at }) => [id, at])),
    );

    expect(new Set(days.map((day) => JSON.stringify(day))).size).toBe(4);
  });

  it('lets events arrive late and overtaken, a tenth of them twice, and no publish fail', async () => {
    const { arrivals, ids, outcomes } = await play({ seed: 7 });

    expect(ids.size).toBe(20);
    expect(arrivals.length).toBeGreaterThan(20);
    expect(arrivals.length).toBeLessThan(26);
    expect(arrivals.map(({ id }) => id)).not.toEqual(arrivals.map(({ id }) => id).toSorted((a, b) => a - b));
    expect(Math.max(...arrivals.map(({ at }) => at))).toBeGreaterThan(5);
    expect(Math.max(...arrivals.map(({ at }) => at))).toBeLessThanOrEqual(10);
    expect(outcomes).toEqual(Array.from({ length: 20 }, () => ({ unrouted: false })));
    expect(arrivals.every(({ deliveries }) => deliveries === 1)).toBe(true);
  });

  it('doubles every event when asked to', async () => {
    const { arrivals, ids } = await play({ seed: 7, duplicates: 1 });

    expect([arrivals.length, ids.size]).toEqual([40, 20]);
  });

  it('fails publishes, and half of those events arrive all the same', async () => {
    const { outcomes, ids } = await play({ seed: 42, publishFailures: 0.5 });

    const failed = outcomes.filter((outcome) => outcome instanceof Error);
    const notSent = outcomes.flatMap((outcome, id) => (Reflect.get(outcome as object, 'outcome') ? [id] : []));
    expect([failed.length, notSent.length]).toEqual([9, 4]);
    expect(String(failed[0])).toBe('Error: The rehearsed broker has not answered');
    expect(Reflect.get(outcomes[notSent[0] ?? -1] as object, 'outcome')).toBe('not-sent');
    expect([...ids].toSorted((a, b) => a - b)).toEqual(outcomes.flatMap((_, id) => (notSent.includes(id) ? [] : [id])));
  });

  it('lets processes die within the longest delay, and their events come again', async () => {
    const { arrivals, livedMs, ids } = await play({ seed: 42, duplicates: 0, deaths: 0.5, maxDelayMs: 1_000 });

    expect(ids.size).toBe(20);
    expect(livedMs).toHaveLength(arrivals.length - 20);
    expect(livedMs.length).toBeGreaterThan(10);
    expect(Math.max(...livedMs)).toBeGreaterThan(500);
    expect(Math.max(...livedMs)).toBeLessThanOrEqual(1_000);
  });

  it('never does what has a share of 0, also when its random number is 0', async () => {
    for (let place = 0; place < 6; place++) {
      // Each number that is drawn moves the seed on by this.
      const seed = (SEED_OF_ZERO - place * 0x6d2b79f5) >>> 0;

      const { arrivals, livedMs, outcomes } = await play({ seed, duplicates: 0, deaths: 0 }, 1);

      expect(arrivals).toHaveLength(1);
      expect(livedMs).toEqual([]);
      expect(outcomes).toEqual([{ unrouted: false }]);
    }
  });
});
