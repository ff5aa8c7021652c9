import type { EventBus } from 'mapbus';
import { element } from './element.ts';
import type { ShopEvents } from './events.ts';

/** Lists every event. */
export const mountHistory = ({ subscribeAll }: Pick<EventBus<ShopEvents>, 'subscribeAll'>): void => {
  const list = document.createElement('ol');
  subscribeAll((event) => {
    const entry = document.createElement('li');
    entry.textContent = event.name === 'item.added' ? `${event.payload.name} added` : 'cart cleared';
    list.append(entry);
  });
  element('history').append(list);
};
