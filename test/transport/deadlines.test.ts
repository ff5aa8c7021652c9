import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createDeadlines } from '../../src/transport/deadlines.ts';
import { createGate } from '../support.ts';

const TIMEOUT_MS = 6_400;
const late = () => new Error('late');

describe('a shared time limit', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('settles as the work does', async () => {
    const inTime = createDeadlines(TIMEOUT_MS, late);
    const failure = new Error('of the work');

    await expect(inTime(async () => {})).resolves.toBeUndefined();
    await expect(inTime(() => Promise.reject(failure))).rejects.toBe(failure);
  });

  it('rejects what takes longer, never early and by a sixty-fourth of the limit late at most', async () => {
    const inTime = createDeadlines(TIMEOUT_MS, late);
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
    const inTime = createDeadlines(TIMEOUT_MS, late);
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

  it('rejects what throws at once, and leaves no timer behind', async () => {
    const inTime = createDeadlines(TIMEOUT_MS, late);
    const failure = new Error('at once');
    const throwing = () => {
      throw failure;
    };

    await expect(inTime(throwing)).rejects.toBe(failure);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('leaves no timer behind when all that shared it is done', async () => {
    const inTime = createDeadlines(TIMEOUT_MS, late);
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
