import type { Publisher } from 'mapbus';
import { button, element } from './element.ts';
import type { ShopEvents } from './events.ts';

const items = [
  { name: 'Tea', price: 4 },
  { name: 'Cake', price: 3 },
];

/** Shows a button for each item. It can publish one event, and nothing else. */
export const mountShop = ({ publish }: Publisher<Pick<ShopEvents, 'item.added'>>): void => {
  element('shop').append(...items.map((item) => button(`Add ${item.name}`, () => publish('item.added', item))));
};
