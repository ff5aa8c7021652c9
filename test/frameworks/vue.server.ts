import { createSSRApp, defineComponent, h } from 'vue';
import { renderToString } from 'vue/server-renderer';
import CartView from '../generated/frameworks/CartView.vue';
import type { Shop } from '../generated/frameworks/shop.ts';
import { shopKey, useShop } from '../generated/frameworks/vue-shop.ts';

/** What the page about frameworks warns of. */
const Leak = defineComponent(() => {
  useShop().bus.subscribe('item.added', () => {});
  return () => h('output');
});

const renderWith = (component: typeof CartView) => (shop: Shop) =>
  renderToString(createSSRApp(component).provide(shopKey, shop));

export const render = renderWith(CartView);
export const renderLeak = renderWith(Leak);
