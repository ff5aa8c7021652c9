import { createSSRApp, nextTick } from 'vue';
import CartView from '../generated/frameworks/CartView.vue';
import { createShop } from '../generated/frameworks/shop.ts';
import { shopKey } from '../generated/frameworks/vue-shop.ts';

/** Hydrates what a server has rendered, after an event. Returns what is shown, and the warnings of Vue. */
export const run = async () => {
  const page = document.createElement('main');
  page.innerHTML = '<output>0 items. </output>';
  const shop = createShop();
  await shop.bus.publish('item.added', { name: 'Tea' });
  const warnings: string[] = [];
  const app = createSSRApp(CartView).provide(shopKey, shop);
  app.config.warnHandler = (message) => warnings.push(message);
  console.error = (message) => warnings.push(String(message));
  app.mount(page);
  await nextTick();
  return [page.textContent, warnings];
};
