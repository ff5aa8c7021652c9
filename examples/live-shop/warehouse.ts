import { setTimeout as sleep } from 'node:timers/promises';
import type { Transaction } from '@electric-sql/pglite';
import type { Publisher } from 'mapbus';
import type { Consumer } from 'mapbus/service';
import type { ShopDatabase } from './database.ts';
import type { ServerEvents } from './events.ts';

/** How long it takes to pack and to ship, so that there is something to see. */
export interface Pace {
  readonly stepMs: number;
}

/**
 * Packs and ships orders. It stands for a process of its own: it knows only the bus and the database. An event may come
 * twice; then the order has its next status already, and nothing happens.
 */
export const runWarehouse = (
  { consume, publish }: Consumer<ServerEvents> & Publisher<ServerEvents, Transaction>,
  { transaction, move }: ShopDatabase,
  { stepMs }: Pace,
): void => {
  consume('order.placed', 'pack-order', async ({ id }) => {
    await sleep(stepMs);
    await transaction(async (session) => {
      const order = await move(session, id, 'placed', 'packed');
      if (!order) return;
      await publish('order.packed', order, { session });
      await publish('order.changed', order, { session });
    });
  });
  consume('order.packed', 'ship-order', async ({ id }) => {
    await sleep(stepMs);
    await transaction(async (session) => {
      const order = await move(session, id, 'packed', 'shipped');
      if (order) await publish('order.changed', order, { session });
    });
  });
};
