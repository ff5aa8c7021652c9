import { afterEach, expect, it, vi } from 'vitest';
import { repeat } from '../../src/shared/repeat.ts';

vi.useFakeTimers();
afterEach(() => {
  vi.clearAllTimers();
});

const tick = () => vi.advanceTimersByTimeAsync(1_000);

it('runs a function again after each run and its pause, also after an error', async () => {
  const errors: unknown[] = [];
  const run = vi.fn().mockRejectedValueOnce('trouble').mockResolvedValue(undefined);
  const { stop } = repeat(run, () => 1_000, errors.push.bind(errors));

  for (let count = 0; count < 3; count++) await tick();
  stop();

  expect(run).toHaveBeenCalledTimes(3);
  expect(errors).toEqual(['trouble']);
});

it('runs it no more after a stop, also when a run ends later', async () => {
  let end = () => {};
  const run = vi.fn(
    () =>
      new Promise<void>((resolve) => {
        end = resolve;
      }),
  );
  const { schedule, stop } = repeat(
    run,
    () => 1_000,
    () => {},
  );
  await tick();

  stop();
  end();
  schedule();
  await tick();

  expect(run).toHaveBeenCalledTimes(1);
});

it('begins a pause anew with its present length', async () => {
  let pauseMs = 60_000;
  const run = vi.fn(async () => {});
  const { schedule, stop } = repeat(
    run,
    () => pauseMs,
    () => {},
  );

  pauseMs = 1_000;
  schedule();
  await tick();
  stop();

  expect(run).toHaveBeenCalledTimes(1);
});
