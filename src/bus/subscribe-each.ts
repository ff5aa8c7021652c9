import { check, readOptions } from '../shared/check.ts';
import { toUnsubscribe } from '../shared/dispose.ts';
import type { EventHandler, EventHandlers, EventName, SubscribeOptions, Subscriber, Unsubscribe } from './types.ts';

/** The options, if each key is an event. Otherwise a text for the compiler to print. */
type SubscribeEachOptions<Events extends object, Keys extends PropertyKey> = [
  Exclude<Keys, EventName<Events>>,
] extends [never]
  ? [options?: SubscribeOptions]
  : [noSuchEvent: `There is no event ${Exclude<Keys, EventName<Events>> & string}`];

/**
 * Registers a record of handlers, one for each name. What it returns removes them all. The last argument is
 * `SubscribeOptions`, for each of the handlers.
 * @throws what `subscribe` throws; then none of them is registered
 * @example
 * subscribeEach(bus, {
 *   'order.placed': ({ total }) => charge(total),
 *   'order.cancelled': ({ orderId }) => refund(orderId),
 * });
 */
export const subscribeEach = <Events extends object, Session, Handlers extends Partial<EventHandlers<Events, Session>>>(
  bus: Subscriber<Events, Session>,
  handlers: Handlers,
  ...args: SubscribeEachOptions<Events, keyof Handlers>
): Unsubscribe => {
  // With the other form of `args`, a call does not compile.
  const [options = {}] = args as [SubscribeOptions?];
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
