import { bus } from './shop.ts';

/** What a tag manager would send. */
export const dataLayer: object[] = [];

bus.subscribeAll(function track(event) {
  switch (event.name) {
    case 'item.added':
      dataLayer.push({ event: 'add_to_cart', item: event.payload.name, value: event.payload.price });
      break;
    case 'item.removed':
      dataLayer.push({ event: 'remove_from_cart', item: event.payload.name, value: event.payload.price });
      break;
    case 'change.undone':
      dataLayer.push({ event: 'undo' });
  }
});
