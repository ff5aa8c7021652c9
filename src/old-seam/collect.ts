/** Collects what handlers receive, and tells when there is enough of it. */
export const createCollector = <Item>(timeoutMs: number) => {
  const items: Item[] = [];
  const waiting = new Set<() => void>();

  const add = (item: Item): void => {
    items.push(item);
    for (const look of [...waiting]) look();
  };

  /** Resolves when the items are what is wanted; rejects when they have not become so in time. */
  const until = (what: string, isEnough: (items: readonly Item[]) => boolean): Promise<readonly Item[]> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.delete(look);
        reject(
          new Error(
            `waited ${timeoutMs} ms for ${what}, and have ${items.length}: ${JSON.stringify(items).slice(0, 500)}`,
          ),
        );
      }, timeoutMs);
      const look = () => {
        if (!isEnough(items)) return;
        waiting.delete(look);
        clearTimeout(timer);
        resolve(items);
      };
      waiting.add(look);
      look();
    });

  return { items, add, until };
};

/** Throws unless both are the same JSON. */
export const expectEqual = (what: string, actual: unknown, expected: unknown): void => {
  const [came, wanted] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (came !== wanted) throw new Error(`${what}: expected ${wanted}, got ${came}`);
};
