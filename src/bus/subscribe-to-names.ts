import { check } from '../shared/check.ts';
import type { EventContext, EventName, SubscribeOptions, Subscriber } from './types.ts';

/** Gets the payload for one name, and the event with its context for several. */
type Receive = (received: unknown, context: EventContext) => void;

/** @throws TypeError if it is neither a name nor a list of names */
export const checkNames = (names: unknown): void => {
  if (Array.isArray(names) && names.length === 0)
    throw new TypeError('[mapbus] event names: expected at least one name, got none');
  for (const name of Array.isArray(names) ? names : [names]) check('event name', name, 'string');
};

/**
 * Subscribes to one name, or to each of several names.
 * @throws what `subscribe` throws; then nothing is subscribed
 */
export const subscribeToNames = <Events extends object>(
  bus: Subscriber<Events>,
  names: EventName<Events> | readonly EventName<Events>[],
  receive: Receive,
  options: SubscribeOptions,
): (() => void) => {
  if (!Array.isArray(names)) return bus.subscribe(names as EventName<Events>, receive, options);
  const added: (() => void)[] = [];
  const removeAll = () => {
    for (const unsubscribe of added) unsubscribe();
  };
  try {
    for (const name of new Set<EventName<Events>>(names)) {
      added.push(bus.subscribe(name, (payload, context) => receive({ name, payload, context }, context), options));
    }
  } catch (error) {
    removeAll();
    throw error;
  }
  return removeAll;
};
