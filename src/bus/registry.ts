import type { Publication } from './publication.ts';

/** A handler, with what its options put around it. */
export type Call = (payload: unknown, publication: Publication) => unknown;

/** One registration of a handler. */
export interface Subscription {
  readonly handlerName: string;
  readonly call: Call;
  /** Unsubscribes when aborted. Checked before each call too: another listener can stop the event `abort`. */
  readonly signal: AbortSignal | undefined;
  /** Removes the handler and calls `onClose`. Called when the bus closes. */
  readonly end: () => void;
  /** Its position among all subscriptions of the bus. */
  readonly order: number;
  /** False once it is removed. A publish in progress may still have it in its list. */
  active: boolean;
}

interface Entry {
  readonly subscriptions: Set<Subscription>;
  /** The handlers that a publish calls, in order. It never changes. The first publish after a change makes a new one. */
  list: readonly Subscription[] | undefined;
  /** The version of `every` that the list was made with. */
  version: number;
}

const createEntry = (): Entry => ({ subscriptions: new Set(), list: undefined, version: 0 });

/** The handlers by name. */
export const createRegistry = () => {
  const entries = new Map<string, Entry>();
  /** The handlers of `subscribeAll`. A change raises its version, so that each list is made anew when it is needed. */
  const every = createEntry();
  let order = 0;

  const changed = (entry: Entry) => {
    entry.list = undefined;
    if (entry === every) every.version++;
  };

  /** Adds a handler for one name, or for every name if `name` is undefined. What it returns removes it. */
  const add = (
    name: string | undefined,
    { handlerName, call, signal, end }: Pick<Subscription, 'handlerName' | 'call' | 'signal' | 'end'>,
  ) => {
    // Field by field: after a spread, Node 20 gives each object a hidden class of its own, and a loop over them is slow.
    const subscription: Subscription = { handlerName, call, signal, end, order: order++, active: true };
    const entry = name === undefined ? every : (entries.get(name) ?? createEntry());
    if (name !== undefined) entries.set(name, entry);
    entry.subscriptions.add(subscription);
    changed(entry);
    return () => {
      subscription.active = false;
      if (!entry.subscriptions.delete(subscription)) return;
      changed(entry);
      if (name !== undefined && entry.subscriptions.size === 0) entries.delete(name);
    };
  };

  /** The handlers that a publish of the name calls, in subscription order. */
  const handlersOf = (name: string): readonly Subscription[] => {
    const entry = entries.get(name) ?? every;
    if (entry.list && entry.version === every.version) return entry.list;
    const all = entry === every ? [...every.subscriptions] : [...entry.subscriptions, ...every.subscriptions];
    entry.version = every.version;
    entry.list = all.sort((a, b) => a.order - b.order);
    return entry.list;
  };

  /** How many handlers a publish of the name would call; without a name, how many there are in all. */
  const count = (name?: string): number => {
    let sum = 0;
    for (const entry of [every, ...(name === undefined ? entries.values() : [entries.get(name)])]) {
      for (const { signal } of entry?.subscriptions ?? []) if (!signal?.aborted) sum++;
    }
    return sum;
  };

  /** Removes all handlers, and calls the `onClose` of each. */
  const clear = (): void => {
    for (const entry of [every, ...entries.values()]) {
      // An `onClose` may remove another handler: from the set, and then it is no longer active.
      for (const subscription of [...entry.subscriptions]) if (subscription.active) subscription.end();
    }
  };

  return { add, handlersOf, count, clear };
};

export type Registry = ReturnType<typeof createRegistry>;
