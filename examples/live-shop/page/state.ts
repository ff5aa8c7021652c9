// What the components show. Each is the last payload of an event.
import { latestOf } from 'mapbus';
import { type Item, type Order, STATUSES } from '../events.ts';
import { bus } from './bus.ts';

// A tab that is opened later begins with the cart of the others.
const CART = 'live-shop.cart';
const savedCart: readonly Item[] = JSON.parse(localStorage.getItem(CART) ?? '[]');

export const cart = latestOf(bus, 'cart.changed', savedCart);
export const orders = latestOf(bus, 'orders.listed', []);
export const isHolding = latestOf(bus, 'stream.held', false);

bus.subscribe('cart.changed', (items) => localStorage.setItem(CART, JSON.stringify(items)));

const rankOf = (order: Order | undefined) => (order ? STATUSES.indexOf(order.status) : -1);

/** Takes in orders. An answer of the server may be older than an event. */
const takeIn = (changed: readonly Order[]) => {
  const known = new Map(orders.get().map((order) => [order.id, order]));
  for (const order of changed) if (rankOf(order) > rankOf(known.get(order.id))) known.set(order.id, order);
  return bus.publish('orders.listed', [...known.values()]);
};

const refetch = async () => {
  const response = await fetch('/api/orders');
  return takeIn(await response.json());
};

bus.subscribe('order.changed', (order) => takeIn([order]));
bus.subscribe('orders.stale', refetch);
bus.subscribe('page.shown', refetch);
addEventListener('pageshow', () => void bus.publish('page.shown'));
