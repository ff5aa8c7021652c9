/** A list that is filled at its end and emptied at its start. `shift` of a long array moves all of it each time. */
export interface Fifo<Item> {
  readonly push: (item: Item) => void;
  readonly shift: () => Item | undefined;
  readonly size: () => number;
  readonly items: () => Item[];
}

/** How many taken places are kept before the array is cut. */
const MAX_TAKEN = 1_024;

export const createFifo = <Item>(): Fifo<Item> => {
  let list: (Item | undefined)[] = [];
  let taken = 0;

  const shift = (): Item | undefined => {
    if (taken === list.length) return undefined;
    const item = list[taken];
    // So that it can be collected.
    list[taken++] = undefined;
    if (taken === list.length || (taken >= MAX_TAKEN && taken * 2 > list.length)) {
      list = list.slice(taken);
      taken = 0;
    }
    return item;
  };
  return {
    push: (item) => {
      list.push(item);
    },
    shift,
    size: () => list.length - taken,
    items: () => list.slice(taken) as Item[],
  };
};
