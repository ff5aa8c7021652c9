import { setTimeout as sleep } from 'node:timers/promises';

interface Charge {
  readonly orderId: string;
  readonly customer: string;
  readonly total: number;
}

/** A bank that is slow, takes only euros at first, and fails once for each order that ends in 5. */
export const createBank = () => {
  const currencies = new Set(['EUR']);
  const charges = new Map<string, Charge>();
  const failedOnce = new Set<string>();
  let repeated = 0;

  return {
    takes: (currency: string) => currencies.has(currency),
    addCurrency: (currency: string) => currencies.add(currency),
    /** Charges once for each id, however often it is called. */
    charge: async (id: string, charge: Charge, signal: AbortSignal): Promise<void> => {
      await sleep(1, undefined, { signal });
      if (charge.orderId.endsWith('5') && !failedOnce.has(id)) {
        failedOnce.add(id);
        throw new Error('503 try again later');
      }
      if (charges.has(id)) repeated++;
      else charges.set(id, charge);
    },
    /** In the order in which they were made. */
    charges: () => [...charges.values()],
    /** How many calls had an id that was charged already. */
    repeated: () => repeated,
  };
};

export type Bank = ReturnType<typeof createBank>;
