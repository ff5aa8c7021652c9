import { flushSync, hydrate } from 'svelte';
import CartView from '../generated/frameworks/CartView.svelte';
import { createShop } from '../generated/frameworks/shop.ts';
import { hydratePage } from './in-page.ts';

export const run = (html: string) =>
  hydratePage(html, createShop(), (target, shop) => {
    hydrate(CartView, { target, props: { shop } });
    flushSync();
  });
