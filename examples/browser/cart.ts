import type { EventBus } from 'mapbus';
import { button, element } from './element.ts';
import type { ShopEvents } from './events.ts';

/** Shows the sum of the prices. Its handler fails when the sum is too high. */
export const mountCart = ({ publish, subscribe }: EventBus<ShopEvents>): void => {
  const total = document.createElement('output');
  let sum = 0;
  const show = (change: number) => {
    sum += change;
    total.textContent = `Total: ${sum} €`;
  };
  subscribe('item.added', function addToCart({ price }) {
    if (sum + price > 10) throw new Error('The cart is full');
    show(price);
  });
  subscribe('cart.cleared', () => show(-sum));
  show(0);
  element('cart').append(
    total,
    button('Clear', () => publish('cart.cleared')),
  );
};
