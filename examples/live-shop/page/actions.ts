// What a customer can do.
import { bus } from './bus.ts';
import { cart } from './state.ts';

export const changeCart = (product: string, change: number): void => {
  const items = cart.get();
  const isNew = items.every((item) => item.product !== product);
  const all = isNew ? [...items, { product, count: 0 }] : items;
  const changed = all.map((item) => (item.product === product ? { product, count: item.count + change } : item));
  void bus.publish(
    'cart.changed',
    changed.filter(({ count }) => count > 0),
  );
};

export const placeOrder = async (): Promise<void> => {
  const items = cart.get();
  const response = await fetch('/api/orders', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(items),
  });
  if (!response.ok) throw new Error(await response.text());
  // What was put into the cart meanwhile stays.
  for (const { product, count } of items) changeCart(product, -count);
};
