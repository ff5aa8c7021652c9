import { createApp, h, nextTick, ref } from 'vue';
import CartView from '../generated/frameworks/CartView.vue';
import { createShop } from '../generated/frameworks/shop.ts';
import { shopKey } from '../generated/frameworks/vue-shop.ts';
import { createSteps } from './in-page.ts';

export const run = async () => {
  const { page, note, steps } = createSteps();
  const shop = createShop();
  const isShown = ref(true);
  createApp({ render: () => isShown.value && h(CartView) })
    .provide(shopKey, shop)
    .mount(page);
  await nextTick();
  note(shop.bus.handlerCount());
  void shop.bus.publish('item.added', { name: 'Tea' });
  await nextTick();
  note(shop.bus.handlerCount());
  isShown.value = false;
  await nextTick();
  void shop.bus.publish('item.added', { name: 'Cake' });
  note(shop.bus.handlerCount());
  return steps;
};
