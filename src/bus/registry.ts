import type { Call, Subscription } from './parts.ts';

interface Entry {
  readonly subscriptions: Set<Subscription>;
  /** A copy to go through, which later changes leave alone: made by the first publish after a change. */
  list?: readonly Subscription[] | undefined;
}

/** The handlers by name; those of every name are under `undefined`. */
export const createRegistry = () => {
  const every: Entry = { subscriptions: new Set() };
  const entries = new Map<string | undefined, Entry>([[undefined, every]]);
  let order = 0;

  const changed = (entry: Entry) => {
    for (const stale of entry === every ? entries.values() : [entry]) stale.list = undefined;
  };

  /** Adds a handler of one name, or of every name; what it returns removes it. */
  const add = (name: string | undefined, handlerName: string, call: Call) => {
    const subscription = { handlerName, call, order: order++, active: true };
    const entry = entries.get(name) ?? { subscriptions: new Set() };
    entries.set(name, entry);
    entry.subscriptions.add(subscription);
    changed(entry);
    return () => {
      subscription.active = false;
      if (!entry.subscriptions.delete(subscription)) return;
      changed(entry);
      if (entry !== every && entry.subscriptions.size === 0) entries.delete(name);
    };
  };

  const handlersOf = (name: string): readonly Subscription[] => {
    const entry = entries.get(name) ?? every;
    entry.list ??= [...new Set([...entry.subscriptions, ...every.subscriptions])].sort((a, b) => a.order - b.order);
    return entry.list;
  };

  const count = (name?: string): number => {
    if (name !== undefined) return handlersOf(name).length;
    return [...entries.values()].reduce((sum, { subscriptions }) => sum + subscriptions.size, 0);
  };

  return { add, handlersOf, count };
};
