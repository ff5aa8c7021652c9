/** How many go together at most. */
const MAX_COUNT = 500;

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly size: number;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Runs one batch at a time. What is added meanwhile goes together into the next one, in the order of the calls.
 * @param maxSize of the items of a batch together; a larger item goes alone
 */
export const createBatches = <Item, Result>(
  maxSize: number,
  run: (items: readonly Item[]) => Promise<(item: Item) => Result>,
) => {
  let waiting: Waiting<Item, Result>[] = [];
  let isRunning = false;

  const takeBatch = (): Waiting<Item, Result>[] => {
    let size = 0;
    const end = waiting.findIndex((each, index) => {
      size += each.size;
      return index > 0 && (index >= MAX_COUNT || size > maxSize);
    });
    const batch = end === -1 ? waiting : waiting.slice(0, end);
    waiting = end === -1 ? [] : waiting.slice(end);
    return batch;
  };
  const runAll = async (): Promise<void> => {
    // All that is added in this turn goes together.
    await undefined;
    while (waiting.length > 0) {
      const batch = takeBatch();
      try {
        const resultOf = await run(batch.map(({ item }) => item));
        for (const { item, resolve } of batch) resolve(resultOf(item));
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    isRunning = false;
  };
  return (item: Item, size: number): Promise<Result> =>
    new Promise((resolve, reject) => {
      waiting.push({ item, size, resolve, reject });
      if (isRunning) return;
      isRunning = true;
      void runAll();
    });
};
