import { useEffect, useInsertionEffect, useLayoutEffect, useRef } from 'react';
import type { EventContext, SubscribeOptions, Subscriber } from '../bus/types.ts';
import { check, type KnownOptions, readOptions } from '../shared/check.ts';

/** How a handler is registered. */
export interface UseSubscribeOptions {
  /** The handler's name in logs and failures. @default the function's name, else `useSubscribe` */
  readonly name?: SubscribeOptions['name'];
  /** Milliseconds until `context.signal` is aborted and the handler counts as failed, with the code `timeout`. */
  readonly timeoutMs?: SubscribeOptions['timeoutMs'];
}

const KNOWN_OPTIONS: KnownOptions = { name: 'string that is not empty', timeoutMs: 'positive milliseconds' };

// React 18 warns of a layout effect on a server. There neither of the two runs.
const useCommitEffect = 'window' in globalThis ? useLayoutEffect : useEffect;

/**
 * Subscribes to an event while the component is on the page, always with the handler of the last render. A new handler
 * is no new subscription. While `Activity` or `Suspense` hides the component, it is not subscribed. Nothing is subscribed
 * on a server.
 * @throws TypeError for a bad argument, while rendering; an error with the code `closed` once the bus is closed
 * @example
 * useSubscribe(bus, 'item.added', ({ name }) => setToast(`${name} is in the cart`));
 */
export const useSubscribe = <Events extends object, Name extends keyof Events & string, Session = unknown>(
  bus: Subscriber<Events, Session>,
  name: Name,
  handler: (payload: Events[Name], context: EventContext<Name, Session>) => unknown,
  options?: UseSubscribeOptions,
): void => {
  check('bus', bus, ['subscribe']);
  check('handler', handler, 'function');
  // Only if there are some: this runs in every render.
  const given = options && readOptions('useSubscribe options', options, KNOWN_OPTIONS);
  const handlerName = given?.name ?? (handler.name || 'useSubscribe');
  const timeoutMs = given?.timeoutMs;
  const { subscribe } = bus;
  const latest = useRef(handler);
  // Before every layout effect, so that no event meets the handler of an older render.
  useInsertionEffect(() => {
    latest.current = handler;
  }, [handler]);
  // In the commit: an event that another component publishes in its first effect is not missed, and no event comes to a
  // component that has gone.
  useCommitEffect(
    () => subscribe(name, (payload, context) => latest.current(payload, context), { name: handlerName, timeoutMs }),
    [subscribe, name, handlerName, timeoutMs],
  );
};
