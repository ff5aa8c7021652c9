import { join } from 'node:path';
import type { Order } from './orders.ts';
import { createTable } from './table.ts';

/** What outlives every process of the shop. */
export const createDatabase = (folder: string) => ({
  /** Each order, by the id of its event. */
  audit: createTable<Order>(join(folder, 'audit')),
  /** The ids of the orders that are paid. */
  paid: createTable<null>(join(folder, 'paid')),
  /** The text of each mail, by the id of the event that it is about. */
  mails: createTable<string>(join(folder, 'mails')),
  /** What the shop has logged, by message and event. */
  log: createTable<null>(join(folder, 'log')),
});

export type Database = ReturnType<typeof createDatabase>;
