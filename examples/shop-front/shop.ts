import { createEventBus, latestOf, subscribeEach } from 'mapbus';

interface Item {
  readonly id: string;
  readonly name: string;
  readonly price: number;
}

/** What is in the cart, and the cart before it: to undo a change is to publish that one again. */
interface Cart {
  readonly items: readonly Item[];
  readonly before?: Cart;
}

interface ShopEvents {
  'item.added': Item;
  'item.removed': Item;
  'change.undone': undefined;
  'cart.changed': Cart;
}

export const bus = createEventBus<ShopEvents>();

const emptyCart: Cart = { items: [] };
export const cart = latestOf(bus, 'cart.changed', emptyCart);

const change = (items: readonly Item[]) => bus.publish('cart.changed', { items, before: cart.get() });

subscribeEach(bus, {
  'item.added': (item) => change([...cart.get().items, item]),
  'item.removed': ({ id }) => change(cart.get().items.filter((item) => item.id !== id)),
  'change.undone': () => bus.publish('cart.changed', cart.get().before ?? emptyCart),
});
