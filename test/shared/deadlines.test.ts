import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createDeadlines } from '../../src/shared/deadlines.ts';
import { createGate } from '../support.ts';

const TIMEOUT_MS = 6_400;
const late = () => new Error('late');
const create = () => createDeadlines(TIMEOUT_MS, late, (cause) => new Error('failed', { cause }));

describe('a shared time limit', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('settles as the work does, and tells of its failure as it is told to', async () => {
    const { inTime } = create();
    const cause = new Error('of the work');

    await expect(inTime(async () => {})).resolves.toBeUndefined();
    await expect(inTime(() => Promise.reject(cause))).rejects.toEqual(new Error('failed', { cause }));
  });

  it('may be as long as a timer can be', async () => {
    const { inTime } = createDeadlines(2 ** 31 - 1, late, (cause) => new Error('failed', { cause }));
    const gate = createGate();
    const working = inTime(() => gate.promise);

    await vi.advanceTimersByTimeAsync(1_000);
    gate.open();

    await expect(working).resolves.toBeUndefined();
  });

  it('ends what has not settled, and counts it until then, in whatever order the rest has settled', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(9), { maxLength: 20 }), async (order) => {
        const { inTime, idle, running } = create();
        const gates = Array.from({ length: 10 }, () => createGate());
        const outcomes = gates.map(({ promise }) => inTime(() => promise).then(() => 'settled', String));
        const settled = new Set(order);

        for (const index of order) {
          gates[index]?.open();
          await vi.advanceTimersByTimeAsync(0);
        }
        expect(running()).toBe(10 - settled.size);
        await vi.advanceTimersByTimeAsync(TIMEOUT_MS + 100);
        await idle();

        expect(await Promise.all(outcomes)).toEqual(
          gates.map((_, index) => (settled.has(index) ? 'settled' : 'Error: late')),
        );
        for (const { open } of gates) open();
        await vi.advanceTimersByTimeAsync(0);
        expect(running()).toBe(0);
        expect(vi.getTimerCount()).toBe(0);
      }),
    );
  });

  it('rejects what takes longer, never early and by a sixty-fourth of the limit late at most', async () => {
    const { inTime } = create();
    const settled: string[] = [];
    const hang = (name: string) => inTime(() => createGate().promise).catch(() => settled.push(name));

    void hang('first');
    await vi.advanceTimersByTimeAsync(99);
    void hang('second');
    await vi.advanceTimersByTimeAsync(TIMEOUT_MS - 100);
    expect(settled).toEqual([]);
    await vi.advanceTimersByTimeAsync(101);
    expect(settled).toEqual(['first', 'second']);
  });

  it('aborts the signal of what is late, and of nothing that began later', async () => {
    const { inTime } = create();
    const signals: AbortSignal[] = [];
    const hang = () =>
      inTime((signal) => {
        signals.push(signal);
        return createGate().promise;
      }).catch(() => {});

    void hang();
    void hang();
    await vi.advanceTimersByTimeAsync(101);
    void hang();
    await vi.advanceTimersByTimeAsync(TIMEOUT_MS);

    expect(signals[0]).toBe(signals[1]);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, false]);
    expect(signals[0]?.reason).toEqual(late());
  });

  it('is shared by what begins within a sixty-fourth of it, also when what began earlier has settled', async () => {
    const { inTime } = create();
    const signals: AbortSignal[] = [];
    const first = createGate();
    const begin = (work: Promise<void>) =>
      inTime((signal) => {
        signals.push(signal);
        return work;
      }).catch(() => {});
    await vi.advanceTimersByTimeAsync(1_000);

    const done = begin(first.promise);
    await vi.advanceTimersByTimeAsync(100);
    const [second, third] = [createGate(), createGate()];
    void begin(second.promise);
    await vi.advanceTimersByTimeAsync(1);
    void begin(third.promise);
    first.open();
    second.open();
    await done;
    await vi.advanceTimersByTimeAsync(50);
    void begin(createGate().promise);

    expect(signals.map((signal) => new Set(signals.slice(0, signals.indexOf(signal) + 1)).size)).toEqual([1, 1, 2, 2]);
  });

  it('holds for what begins right after all others have settled', async () => {
    const { inTime } = create();
    await inTime(async () => {});
    const rejected = expect(inTime(() => createGate().promise)).rejects.toEqual(late());

    await vi.advanceTimersByTimeAsync(TIMEOUT_MS + 100);

    await rejected;
  });

  it('rejects what throws at once, and leaves no timer behind', async () => {
    const { inTime } = create();
    const cause = new Error('at once');
    const throwing = () => {
      throw cause;
    };

    await expect(inTime(throwing)).rejects.toEqual(new Error('failed', { cause }));
    expect(vi.getTimerCount()).toBe(0);
  });

  it('leaves no timer behind when all that shared it is done', async () => {
    const { inTime } = create();
    const [one, other] = [createGate(), createGate()];
    const both = [inTime(() => one.promise), inTime(() => other.promise)];

    one.open();
    await both[0];
    expect(vi.getTimerCount()).toBe(1);
    other.open();
    await both[1];
    expect(vi.getTimerCount()).toBe(0);
  });
});
