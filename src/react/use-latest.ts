import { useSyncExternalStore } from 'react';
import type { Latest } from '../bus/latest-of.ts';

/**
 * The value of `latestOf`. The component renders again when it changes. A server renders the initial value, and the page
 * hydrates from it before it shows what was published meanwhile.
 * @example
 * const items = useLatest(cart);
 */
export const useLatest = <Value>({ subscribe, get, getInitial }: Latest<Value>): Value =>
  useSyncExternalStore(subscribe, get, getInitial);
