/** @jsxImportSource solid-js */
import { createSignal, Show } from 'solid-js';
import { render } from 'solid-js/web';
import { createShop } from '../generated/frameworks/shop.ts';
import { CartView } from '../generated/frameworks/solid-cart.tsx';
import { createSteps } from './in-page.ts';

export const run = () => {
  const { page, note, steps } = createSteps();
  const shop = createShop();
  const [isShown, setIsShown] = createSignal(true);
  render(
    () => (
      <Show when={isShown()}>
        <CartView shop={shop} />
      </Show>
    ),
    page,
  );
  note(shop.bus.handlerCount());
  void shop.bus.publish('item.added', { name: 'Tea' });
  note(shop.bus.handlerCount());
  setIsShown(false);
  void shop.bus.publish('item.added', { name: 'Cake' });
  note(shop.bus.handlerCount());
  return steps;
};
