import type { DurationCounts } from './counts-types.ts';

/** Counts durations in buckets. */
export const createDurations = (boundsMs: readonly number[]) => {
  const counts = new Array<number>(boundsMs.length).fill(0);
  let count = 0;
  let sumMs = 0;

  const add = (durationMs: number): void => {
    count++;
    sumMs += durationMs;
    const index = boundsMs.findIndex((boundMs) => durationMs <= boundMs);
    if (index >= 0) counts[index] = (counts[index] ?? 0) + 1;
  };
  const read = (): DurationCounts => {
    let below = 0;
    const buckets = boundsMs.map((upToMs, index) => {
      below += counts[index] ?? 0;
      return { upToMs, count: below };
    });
    return { count, sumMs, buckets };
  };
  return { add, read };
};
