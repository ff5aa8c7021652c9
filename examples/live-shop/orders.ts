import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import type { Order } from './events.ts';

/** The orders, in a file with a line for each change. It stands for a database. */
export const openOrders = (file: string) => {
  const orders = new Map<string, Order>();
  if (existsSync(file)) {
    for (const line of readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
      const order: Order = JSON.parse(line);
      orders.set(order.id, order);
    }
  }
  const save = (order: Order): void => {
    appendFileSync(file, `${JSON.stringify(order)}\n`);
    orders.set(order.id, order);
  };
  const ofUser = (userId: string): Order[] => [...orders.values()].filter((order) => order.userId === userId);
  const unfinished = (): Order[] => [...orders.values()].filter(({ status }) => status !== 'shipped');
  return { save, ofUser, unfinished, get: (id: string) => orders.get(id) };
};

export type Orders = ReturnType<typeof openOrders>;
