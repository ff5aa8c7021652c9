import { check, readOptions } from '../shared/check.ts';
import { toUnsubscribe } from '../shared/dispose.ts';
import type { EventHandler, EventHandlers, EventName, SubscribeOptions, Subscriber, Unsubscribe } from './types.ts';

/**
 * Registers a record of handlers, one for each name. What it returns removes them all.
 * @throws what `subscribe` throws; then none of them is registered
 * @example
 * subscribeEach(bus, {
 *   'order.placed': ({ total }) => charge(total),
 *   'order.cancelled': ({ orderId }) => refund(orderId),
 * });
 */
export const subscribeEach = <Events extends object, Session, Handlers extends Partial<EventHandlers<Events, Session>>>(
  bus: Subscriber<Events, Session>,
  handlers: Handlers & { readonly [Name in Exclude<keyof Handlers, EventName<Events>>]: never },
  options: SubscribeOptions = {},
): Unsubscribe => {
  check('bus', bus, ['subscribe']);
  check('handlers', handlers, 'plain object');
  const names = Object.keys(handlers) as (EventName<Events> & keyof Handlers)[];
  const given = readOptions('handlers', handlers, Object.fromEntries(names.map((name) => [name, 'function'] as const)));
  const added: Unsubscribe[] = [];
  const removeAll = () => {
    for (const unsubscribe of added) unsubscribe();
  };
  try {
    for (const name of names) {
      const handler = given[name] as EventHandler<Events, typeof name, Session> | undefined;
      if (handler) added.push(bus.subscribe(name, handler, options));
    }
  } catch (error) {
    removeAll();
    throw error;
  }
  return toUnsubscribe(removeAll);
};
