import type { Publication } from './context.ts';

export type Call = (payload: unknown, event: Publication) => unknown;

export interface Subscription {
  readonly handlerName: string;
  readonly call: Call;
  readonly order: number;
  /** False once removed, for the publishes that are still going through a list with it. */
  active: boolean;
}

interface Entry {
  readonly subscriptions: Set<Subscription>;
  /** A copy to go through, which later changes leave alone: made by the first publish after a change. */
  list?: readonly Subscription[] | undefined;
}

export type Registry = ReturnType<typeof createRegistry>;

export const createRegistry = () => {
  const entries = new Map<string, Entry>();
  const every: Entry = { subscriptions: new Set() };
  let order = 0;

  const changed = (entry: Entry) => {
    entry.list = undefined;
    if (entry === every) for (const named of entries.values()) named.list = undefined;
  };

  /** Adds a handler of one name, or of every name; what it returns removes it. */
  const add = (name: string | undefined, handlerName: string, call: Call) => {
    const subscription = { handlerName, call, order: order++, active: true };
    const entry = name === undefined ? every : (entries.get(name) ?? { subscriptions: new Set() });
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
  const list = (name: string): readonly Subscription[] => {
    const entry = entries.get(name) ?? every;
    entry.list ??= [...new Set([...entry.subscriptions, ...every.subscriptions])].sort((a, b) => a.order - b.order);
    return entry.list;
  };

  const count = (name?: string): number => {
    if (name !== undefined) return list(name).length;
    return [...entries.values()].reduce((sum, { subscriptions }) => sum + subscriptions.size, every.subscriptions.size);
  };

  return { add, list, count };
};
