/** @jsxImportSource solid-js */
import { hydrate } from 'solid-js/web';
import { createShop } from '../generated/frameworks/shop.ts';
import { CartView } from '../generated/frameworks/solid-cart.tsx';
import { hydratePage } from './in-page.ts';

// What the script of `generateHydrationScript` leaves in a page.
Object.assign(globalThis, { _$HY: { events: [], completed: new WeakSet(), r: {}, fe: () => {} } });

export const run = (html: string) =>
  hydratePage(html, createShop(), (target, shop) => {
    hydrate(() => <CartView shop={shop} />, target);
  });
