/** Counts by name. */
export interface Tally {
  readonly add: (name: string) => void;
  readonly read: () => Record<string, number>;
}

/** Names that come from outside may be any number. */
const MAX_NAMES = 1_000;
/** Where all further names are counted. */
const OTHER = '(other)';

/** @param known names that are there from the beginning, with 0 */
export const createTally = (known: readonly string[] = []): Tally => {
  const counts = new Map<string, number>(known.map((name) => [name, 0]));
  const add = (name: string): void => {
    const count = counts.get(name);
    if (count !== undefined || counts.size < MAX_NAMES) counts.set(name, (count ?? 0) + 1);
    else counts.set(OTHER, (counts.get(OTHER) ?? 0) + 1);
  };
  return { add, read: () => Object.fromEntries(counts) };
};
