import type { DurationCounts } from './counts-types.ts';

/** Counts durations in buckets. */
export const createDurations = (boundsMs: readonly number[]) => {
  /** How many fit into each, and not into the one before. */
  const buckets = boundsMs.map((upToMs) => ({ upToMs, count: 0 }));
  let count = 0;
  let sumMs = 0;

  const add = (durationMs: number): void => {
    count++;
    sumMs += durationMs;
    const bucket = buckets.find(({ upToMs }) => durationMs <= upToMs);
    if (bucket) bucket.count++;
  };
  const read = (): DurationCounts => {
    let below = 0;
    return {
      count,
      sumMs,
      buckets: buckets.map((bucket) => {
        below += bucket.count;
        return { upToMs: bucket.upToMs, count: below };
      }),
    };
  };
  return { add, read };
};
