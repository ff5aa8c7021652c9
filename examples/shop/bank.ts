import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createTable } from './table.ts';

interface Charge {
  readonly orderId: string;
  readonly customer: string;
  readonly total: number;
}

/** A bank that is slow, takes only euros at first, and fails once for each order that ends in 5. */
export const createBank = (folder: string) => {
  const currencies = createTable<null>(join(folder, 'currencies'));
  const charges = createTable<Charge>(join(folder, 'charges'));
  const failedOnce = createTable<null>(join(folder, 'failed-once'));
  const repeated = createTable<null>(join(folder, 'repeated'));
  currencies.insert('EUR', null);

  return {
    takes: (currency: string) => currencies.keys().includes(currency),
    addCurrency: (currency: string) => currencies.insert(currency, null),
    /** Charges once for each id, however often it is called. */
    charge: async (id: string, charge: Charge, signal: AbortSignal): Promise<void> => {
      await sleep(1, undefined, { signal });
      if (charge.orderId.endsWith('5') && failedOnce.insert(id, null)) throw new Error('503 try again later');
      if (!charges.insert(id, charge)) repeated.insert(id, null);
    },
    /** In the order in which they were made. */
    charges: charges.rows,
    /** How many ids came once more after they were charged. */
    repeated: repeated.count,
  };
};

export type Bank = ReturnType<typeof createBank>;
