import { check } from '../shared/check.ts';
import { DISPOSE } from '../shared/dispose.ts';
import type { EventName, Subscriber } from './types.ts';

/** The last payload of an event, as a store. It is a store of Svelte as it is. Works with `using`. */
export interface Latest<out Value> {
  /** The payload of the last event; before the first, the initial value. */
  readonly get: () => Value;
  /** The initial value, whatever was published since. A server renders it, and the page hydrates from it. */
  readonly getInitial: () => Value;
  /**
   * Calls `changed` at once with the value that there is, and then with each new one. The function that this returns ends
   * it. If `changed` throws later, the other functions are still called, and the publish has a failure of `latestOf`. What
   * `changed` returns is not looked at, nor is a promise awaited.
   * @throws TypeError if `changed` is no function; what the first call of `changed` throws
   */
  readonly subscribe: (changed: (value: Value) => void) => () => void;
  /** Unsubscribes from the bus. The value stays as it is then. */
  readonly dispose: () => void;
  /** The same as `dispose`, for `using`. Safari has no `Symbol.dispose`. */
  readonly [Symbol.dispose]: () => void;
}

/**
 * Keeps the last payload of an event. The bus itself keeps nothing: only what is published after this call counts. Each
 * call is one handler of the bus, with the name `latestOf`.
 * @throws TypeError for a bad argument; an error with the code `closed` once `close` was called
 * @example
 * const cart = latestOf(bus, 'cart.changed', []);
 * cart.get(); // []
 */
export function latestOf<Events extends object, Name extends EventName<Events>>(
  bus: Subscriber<Events>,
  name: Name,
): Latest<Events[Name] | undefined>;
export function latestOf<Events extends object, Name extends EventName<Events>, Initial>(
  bus: Subscriber<Events>,
  name: Name,
  initial: Initial,
): Latest<Events[Name] | Initial>;
export function latestOf<Events extends object>(
  bus: Subscriber<Events>,
  name: EventName<Events>,
  initial?: unknown,
): Latest<unknown> {
  check('bus', bus, ['subscribe']);
  let value = initial;
  const listeners = new Set<() => void>();
  const receive = (payload: unknown) => {
    value = payload;
    const errors: unknown[] = [];
    for (const listen of [...listeners]) {
      try {
        if (listeners.has(listen)) listen();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors.length === 1 ? errors[0] : new AggregateError(errors);
  };
  const unsubscribe = bus.subscribe(name, receive, { name: 'latestOf' });
  return {
    get: () => value,
    getInitial: () => initial,
    subscribe: (changed) => {
      check('changed', changed, 'function');
      // A function of its own, so that one that subscribes twice is called twice. It reads the value when it is called: of
      // two publishes inside one another, no listener sees the older one last.
      const listen = () => changed(value);
      const end = () => void listeners.delete(listen);
      listeners.add(listen);
      try {
        listen();
      } catch (error) {
        end();
        throw error;
      }
      return end;
    },
    dispose: unsubscribe,
    [DISPOSE]: unsubscribe,
  };
}
