import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { within } from '../../src/shared/time-limit.ts';
import { createGate } from '../support.ts';

describe('a time limit', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('gives the result of work that ends in time, and leaves no timer', async () => {
    const late = vi.fn(() => 'late');

    expect(await within(100, Promise.resolve('done'), late)).toBe('done');

    expect(vi.getTimerCount()).toBe(0);
    expect(late).not.toHaveBeenCalled();
  });

  it('rejects with the error of the work, and leaves no timer', async () => {
    await expect(within(100, Promise.reject(new Error('no')), () => 'late')).rejects.toThrow('no');

    expect(vi.getTimerCount()).toBe(0);
  });

  it('gives what stands for late work once the time is over, and not before', async () => {
    const settled = vi.fn();
    void within(100, createGate<string>().promise, () => 'late').then(settled);

    await vi.advanceTimersByTimeAsync(99);
    expect(settled).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);

    expect(settled).toHaveBeenCalledExactlyOnceWith('late');
  });

  it('rejects with what is thrown for late work', async () => {
    const throwing = () => {
      throw new Error('late');
    };
    const rejected = expect(within(100, createGate().promise, throwing)).rejects.toThrow('late');

    await vi.advanceTimersByTimeAsync(100);

    await rejected;
  });
});
