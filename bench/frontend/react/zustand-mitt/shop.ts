import mitt from 'mitt';
import { create } from 'zustand';

export interface Item {
  readonly id: string;
  readonly name: string;
  readonly price: number;
}

// Of an interface mitt says that it has no index signature.
export type ShopEvents = {
  'item.added': Item;
  'item.removed': Item;
  'change.undone': undefined;
};

export const events = mitt<ShopEvents>();

interface Cart {
  readonly items: readonly Item[];
  readonly past: readonly (readonly Item[])[];
  readonly add: (item: Item) => void;
  readonly remove: (item: Item) => void;
  readonly undo: () => void;
}

export const useCart = create<Cart>()((set) => ({
  items: [],
  past: [],
  add: (item) => {
    set(({ items, past }) => ({ items: [...items, item], past: [...past, items] }));
    events.emit('item.added', item);
  },
  remove: (item) => {
    set(({ items, past }) => ({ items: items.filter(({ id }) => id !== item.id), past: [...past, items] }));
    events.emit('item.removed', item);
  },
  undo: () => {
    set(({ past }) => ({ items: past.at(-1) ?? [], past: past.slice(0, -1) }));
    events.emit('change.undone');
  },
}));
