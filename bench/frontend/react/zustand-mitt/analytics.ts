import { events } from './shop.ts';

/** What a tag manager would send. */
export const dataLayer: object[] = [];

// With `*` mitt does not narrow the payload to that of the name.
events.on('item.added', ({ name, price }) => dataLayer.push({ event: 'add_to_cart', item: name, value: price }));
events.on('item.removed', ({ name, price }) => dataLayer.push({ event: 'remove_from_cart', item: name, value: price }));
events.on('change.undone', () => dataLayer.push({ event: 'undo' }));
