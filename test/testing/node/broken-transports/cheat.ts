import type { Connection, Deliver, StoredDeadLetter, Transport } from 'mapbus/transport';

/**
 * A transport that does almost nothing: it never brings an event again, heeds no concurrency, keeps nothing,
 * ignores delays, gives all to the process that came last, and rewrites the bodies of dead letters.
 */
export const createCheat = (): Transport => {
  const consumers = new Map<string, { readonly names: readonly string[]; readonly deliver: Deliver }>();
  const tails = new Set<{ readonly names: readonly string[]; readonly tell: (body: string) => void }>();
  const dead: StoredDeadLetter[] = [];
  const connect: Transport['connect'] = ({ service }): Connection => ({
    features: {
      ...{ durable: true, enlists: true, ordersByKey: true, ordersAcrossNames: true, tails: true },
      ...{ keepsDeadLetters: true, tellsUnrouted: true, maxDelayMs: 1_000, maxBytes: undefined },
      ...{ countsDeliveries: true, keepsAttemptsByKey: true, expiresConsumers: true, servesOperators: true },
    },
    publish: async ({ name, body, key, headers }) => {
      const signal = new AbortController().signal;
      for (const [id, { names, deliver }] of consumers)
        if (names.includes(name))
          setImmediate(async () => {
            const end = await deliver({ body, key, headers, attempt: 1, deliveries: 1, signal });
            const letter = {
              ref: String(dead.length),
              consumer: String(id.split(' ')[1]),
              body: '{}',
              diedAt: new Date(),
            };
            if (end.is === 'dead') dead.push({ ...letter, ...end });
          });
      for (const { names, tell } of tails) if (names.includes(name)) tell(body);
      return { unrouted: consumers.size === 0 };
    },
    declare: async () => {},
    consume: async ({ consumer, names }, deliver) => {
      consumers.set(`${service} ${consumer}`, { names, deliver });
      return { stop: async () => void consumers.delete(`${service} ${consumer}`) };
    },
    tail: async (names, tell) => {
      tails.add({ names, tell });
      return { stop: async () => {} };
    },
    deadLetters: {
      page: async () => ({ letters: dead, next: undefined }),
      redrive: async () => 0,
      discard: async () => 0,
    },
    operator: {
      consumers: async () => [],
      remove: async () => false,
      compare: async () => [],
      tail: async () => ({ stop: async () => {} }),
    },
    health: () => ({ connected: true, since: new Date() }),
    close: async () => {},
  });
  return { connect };
};
