import { render as renderTemplate } from '@lit-labs/ssr';
import { collectResult } from '@lit-labs/ssr/lib/render-result.js';
import { html } from 'lit';
import { defineCartView } from '../generated/frameworks/cart-view.ts';
import type { Shop } from '../generated/frameworks/shop.ts';

export const render = (shop: Shop) => {
  // An element has its shop for life.
  if (!customElements.get('cart-view')) defineCartView('cart-view', shop);
  return collectResult(renderTemplate(html`<cart-view></cart-view>`));
};
