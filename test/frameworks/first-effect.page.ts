import { flushSync, mount } from 'svelte';
import { createShop } from '../generated/frameworks/shop.ts';
import Parents from './Parents.svelte';

/** How many events of a child's first effect its parent hears: in `$effect.pre`, and in `$effect`. */
export const run = () => {
  mount(Parents, { target: document.body, props: { shop: createShop() } });
  flushSync();
  return document.querySelector('p')?.textContent;
};
