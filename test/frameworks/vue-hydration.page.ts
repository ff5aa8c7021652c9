import { createSSRApp } from 'vue';
import CartView from '../generated/frameworks/CartView.vue';
import { createShop } from '../generated/frameworks/shop.ts';
import { shopKey } from '../generated/frameworks/vue-shop.ts';
import { hydratePage } from './in-page.ts';

// What a bundler defines for Vue.
for (const flag of ['OPTIONS_API', 'PROD_DEVTOOLS', 'PROD_HYDRATION_MISMATCH_DETAILS'])
  Object.assign(globalThis, { [`__VUE_${flag}__`]: true });

export const run = (html: string) =>
  hydratePage(html, createShop(), (page, shop) => createSSRApp(CartView).provide(shopKey, shop).mount(page));
