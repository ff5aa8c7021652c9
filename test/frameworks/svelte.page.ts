import { flushSync, mount, unmount } from 'svelte';
import CartView from '../generated/frameworks/CartView.svelte';
import { createShop } from '../generated/frameworks/shop.ts';
import { createSteps } from './in-page.ts';

export const run = async () => {
  const { page, note, steps } = createSteps();
  const shop = createShop();
  const view = mount(CartView, { target: page, props: { shop } });
  flushSync();
  note(shop.bus.handlerCount());
  void shop.bus.publish('item.added', { name: 'Tea' });
  flushSync();
  note(shop.bus.handlerCount());
  await unmount(view);
  void shop.bus.publish('item.added', { name: 'Cake' });
  note(shop.bus.handlerCount());
  return steps;
};
