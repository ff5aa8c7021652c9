import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { sleep } from '../../src/shared/sleep.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const isOver = async (sleeping: Promise<void>): Promise<boolean> => {
  let over = false;
  void sleeping.then(() => {
    over = true;
  });
  await vi.advanceTimersByTimeAsync(0);
  return over;
};

it('lasts until its time is over', async () => {
  const sleeping = sleep(100);

  await vi.advanceTimersByTimeAsync(99);
  expect(await isOver(sleeping)).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  expect(await isOver(sleeping)).toBe(true);
});

it('ends when its signal is aborted, and leaves no timer', async () => {
  const controller = new AbortController();
  const sleeping = sleep(100, controller.signal);
  expect(await isOver(sleeping)).toBe(false);

  controller.abort();

  expect(await isOver(sleeping)).toBe(true);
  expect(vi.getTimerCount()).toBe(0);
});

it('does not begin with a signal that is aborted', async () => {
  expect(await isOver(sleep(100, AbortSignal.abort()))).toBe(true);
  expect(vi.getTimerCount()).toBe(0);
});

it('leaves no listener when its time is over', async () => {
  const { signal } = new AbortController();
  const added = vi.spyOn(signal, 'addEventListener');
  const removed = vi.spyOn(signal, 'removeEventListener');
  const sleeping = sleep(100, signal);
  await vi.advanceTimersByTimeAsync(100);
  await sleeping;

  expect(added).toHaveBeenCalledOnce();
  expect(removed.mock.calls.map(([, listener]) => listener)).toEqual(added.mock.calls.map(([, listener]) => listener));
});
