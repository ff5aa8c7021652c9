export interface Collector<Item> {
  readonly items: readonly Item[];
  readonly add: (item: Item) => void;
  /** Resolves when the items are what is wanted. Rejects when the time is over. */
  readonly until: (what: string, isEnough: (items: readonly Item[]) => boolean) => Promise<readonly Item[]>;
}

/** Collects what handlers receive, and tells when there is enough of it. */
export const createCollector = <Item>(timeoutMs: number): Collector<Item> => {
  const items: Item[] = [];
  const waiting = new Set<() => void>();

  const add = (item: Item): void => {
    items.push(item);
    for (const look of [...waiting]) look();
  };

  const until: Collector<Item>['until'] = (what, isEnough) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.delete(look);
        const got = JSON.stringify(items).slice(0, 500);
        reject(new Error(`Waited ${timeoutMs} ms for ${what}, and got ${items.length}: ${got}`));
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
