import type { LitElement } from 'lit';
import { defineCartView } from '../generated/frameworks/cart-view.ts';
import { createShop } from '../generated/frameworks/shop.ts';
import { createSteps } from './in-page.ts';

export const run = async () => {
  const { page, note, steps } = createSteps();
  const shop = createShop();
  defineCartView('cart-view', shop);
  const view = document.createElement('cart-view') as LitElement;
  // What it renders is in its shadow root, which `querySelector` of the page does not enter.
  Object.assign(view, { createRenderRoot: () => view });
  page.append(view);
  await view.updateComplete;
  note(shop.bus.handlerCount());
  // An element that is moved leaves the document and comes back.
  document.body.append(page);
  void shop.bus.publish('item.added', { name: 'Tea' });
  await view.updateComplete;
  note(shop.bus.handlerCount());
  view.remove();
  void shop.bus.publish('item.added', { name: 'Cake' });
  note(shop.bus.handlerCount());
  return steps;
};
