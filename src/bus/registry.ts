import type { Publication } from './publication.ts';

/** A handler, with what its options put around it. */
export type Call = (payload: unknown, publication: Publication) => unknown;

/** One registration of a handler. */
export interface Subscription {
  readonly handlerName: string;
  readonly call: Call;
  /** Unsubscribes when aborted. Asked before each call, since other listeners can keep the event `abort` to themselves. */
  readonly signal: AbortSignal | undefined;
  /** Called when the bus closes. */
  readonly end: () => void;
  /** The place among all subscriptions of the bus. */
  readonly order: number;
  /** False once removed, for the publishes that still go through a list with it. */
  active: boolean;
}

interface Entry {
  readonly subscriptions: Set<Subscription>;
  /** A copy to go through, which later changes leave alone. Made by the first publish after a change. */
  list: readonly Subscription[] | undefined;
  /** The version of the handlers for every name that the list was made with. */
  version: number;
}

const createEntry = (): Entry => ({ subscriptions: new Set(), list: undefined, version: 0 });

/** The handlers by name. */
export const createRegistry = () => {
  const entries = new Map<string, Entry>();
  /** The handlers for every name. Its version spares them from changing the lists of all names. */
  const every = createEntry();
  let order = 0;

  const changed = (entry: Entry) => {
    entry.list = undefined;
    if (entry === every) every.version++;
  };

  /** Adds a handler for one name, or for every name; what it returns removes it. */
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

  /** Who is called for a name, in subscription order. */
  const handlersOf = (name: string): readonly Subscription[] => {
    const entry = entries.get(name) ?? every;
    if (entry.list && entry.version === every.version) return entry.list;
    const all = entry === every ? [...every.subscriptions] : [...entry.subscriptions, ...every.subscriptions];
    entry.version = every.version;
    entry.list = all.sort((a, b) => a.order - b.order);
    return entry.list;
  };

  const count = (name?: string): number => {
    if (name !== undefined) return handlersOf(name).filter(({ signal }) => !signal?.aborted).length;
    return [...entries.values()].reduce((sum, { subscriptions }) => sum + subscriptions.size, every.subscriptions.size);
  };

  /** Removes all handlers and tells each of them. */
  const clear = (): void => {
    for (const entry of [every, ...entries.values()]) {
      // One of them may remove another.
      for (const subscription of [...entry.subscriptions]) if (subscription.active) subscription.end();
    }
  };

  return { add, handlersOf, count, clear };
};

export type Registry = ReturnType<typeof createRegistry>;
