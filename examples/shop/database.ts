import type { Order } from './orders.ts';

/** What outlives a process of the shop. Each key is unique, as a primary key of a table is. */
export const createDatabase = () => ({
  /** Each order, by the id of its event. */
  audit: new Map<string, Order>(),
  /** The ids of the orders that are paid. */
  paid: new Set<string>(),
  /** The text of each mail, by the id of the event that it is about. */
  mails: new Map<string, string>(),
});

export type Database = ReturnType<typeof createDatabase>;
