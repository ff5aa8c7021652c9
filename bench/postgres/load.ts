/** What each event or job carries. */
export interface Payload {
  readonly index: number;
  readonly at: number;
  readonly text: string;
}

export const payloadOf = (index: number): Payload => ({ index, at: performance.now(), text: 'x'.repeat(256) });

/** Runs so many pieces of work, some at once. */
export const inParallel = async (count: number, width: number, work: (index: number) => Promise<unknown>) => {
  let next = 0;
  const one = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: width }, one));
};

/** How many a second. */
export const rateOf = async (count: number, work: () => Promise<unknown>): Promise<number> => {
  const startedAt = performance.now();
  await work();
  return (count / (performance.now() - startedAt)) * 1_000;
};

/** Resolves once it was called so often. */
export const createCounter = (count: number) => {
  let left = count;
  let finish = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const hit = (): void => {
    if (--left === 0) finish();
  };
  return { hit, finished };
};

export const percentile = (values: readonly number[], part: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * part)] ?? Number.NaN;
