/**
 * Items in the order in which they came. `shift` of an array moves all that stay, which takes long for many: here taken
 * places are kept until they are half of the array.
 */
export interface Fifo<Item> {
  list: (Item | undefined)[];
  /** How many places at the start are taken. */
  taken: number;
}

export const createFifo = <Item>(): Fifo<Item> => ({ list: [], taken: 0 });

export const sizeOf = ({ list, taken }: Fifo<unknown>): number => list.length - taken;

export const itemsOf = <Item>({ list, taken }: Fifo<Item>): Item[] => list.slice(taken) as Item[];

/** The item that `takeFirst` would take. */
export const firstOf = <Item>({ list, taken }: Fifo<Item>): Item | undefined => list[taken];

export const addLast = <Item>({ list }: Fifo<Item>, item: Item): void => {
  list.push(item);
};

export const addFirst = <Item>(fifo: Fifo<Item>, items: readonly Item[]): void => {
  fifo.list = [...items, ...itemsOf(fifo)];
  fifo.taken = 0;
};

/** The fewest places for which the array is made anew. */
const MIN_TAKEN = 64;

export const takeFirst = <Item>(fifo: Fifo<Item>): Item | undefined => {
  const item = fifo.list[fifo.taken];
  if (fifo.taken === fifo.list.length) return undefined;
  // So that it can be collected.
  fifo.list[fifo.taken++] = undefined;
  if (fifo.taken === fifo.list.length || (fifo.taken >= MIN_TAKEN && fifo.taken * 2 > fifo.list.length)) {
    fifo.list = fifo.list.slice(fifo.taken);
    fifo.taken = 0;
  }
  return item;
};

/**
 * Takes any item, and gives its place to the last one.
 * @param random from 0 to 1, without 1
 */
export const takeAny = <Item>(fifo: Fifo<Item>, random: number): Item | undefined => {
  if (sizeOf(fifo) === 0) return undefined;
  const index = fifo.taken + Math.floor(random * sizeOf(fifo));
  const item = fifo.list[index];
  const last = fifo.list.pop();
  if (index < fifo.list.length) fifo.list[index] = last;
  return item;
};

export const empty = (fifo: Fifo<unknown>): void => {
  fifo.list = [];
  fifo.taken = 0;
};
