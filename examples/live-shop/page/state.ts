import { useSyncExternalStore } from 'react';
import { type Item, type Order, STATUSES } from '../events.ts';
import { bus } from './bus.ts';

/** A value that components show. */
const createState = <Value>(initial: Value) => {
  let value = initial;
  const listeners = new Set<() => void>();
  const subscribe = (listener: () => void) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };
  const set = (next: Value): void => {
    value = next;
    for (const listener of listeners) listener();
  };
  const get = () => value;
  return { get, set, use: () => useSyncExternalStore(subscribe, get, get) };
};

const CART = 'live-shop.cart';
export const cart = createState<readonly Item[]>(JSON.parse(localStorage.getItem(CART) ?? '[]'));
bus.subscribe('cart.changed', (items) => {
  localStorage.setItem(CART, JSON.stringify(items));
  cart.set(items);
});

export const orders = createState<ReadonlyMap<string, Order>>(new Map());
const rankOf = ({ status }: Order) => STATUSES.indexOf(status);
/** Takes in orders. An answer of the server may be older than an event. */
const takeIn = (more: readonly Order[]): void => {
  const all = new Map(orders.get());
  for (const order of more) {
    const known = all.get(order.id);
    if (!known || rankOf(known) < rankOf(order)) all.set(order.id, order);
  }
  orders.set(all);
};
const refetch = async (): Promise<void> => {
  const response = await fetch('/api/orders');
  takeIn(await response.json());
};
bus.subscribe('order.changed', (order) => takeIn([order]));
bus.subscribe('orders.stale', refetch);
void refetch();

export const changeCart = (product: string, change: number): void => {
  const items = cart.get();
  const count = (items.find((item) => item.product === product)?.count ?? 0) + change;
  const others = items.filter((item) => item.product !== product);
  void bus.publish('cart.changed', count > 0 ? [...others, { product, count }] : others);
};

export const placeOrder = async (): Promise<void> => {
  const items = cart.get();
  const response = await fetch('/api/orders', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(items),
  });
  if (!response.ok) throw new Error(await response.text());
  void bus.publish('cart.changed', []);
};
