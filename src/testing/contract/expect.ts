/** Throws unless both are the same JSON. */
export const expectEqual = (what: string, actual: unknown, expected: unknown): void => {
  const [came, wanted] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (came !== wanted) throw new Error(`${what}: expected ${wanted}, got ${came}`);
};

/** Throws unless there are fewer. */
export const expectFewer = (what: string, count: number, limit: number): void => {
  if (count >= limit) throw new Error(`${what}: expected fewer than ${limit}, got ${count}`);
};

export const distinct = <Item>(items: readonly Item[]): Item[] => [...new Set(items)];

export const countOf = <Item>(items: readonly Item[], isCounted: (item: Item) => boolean): number =>
  items.filter(isCounted).length;
