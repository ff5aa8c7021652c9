import { setTimeout as sleep } from 'node:timers/promises';
import type { Publisher } from 'mapbus';
import type { Consumer } from 'mapbus/service';
import type { Order, ServerEvents, Status } from './events.ts';
import type { Orders } from './orders.ts';

/** How long it takes to pack and to ship, so that there is something to see. */
export interface Pace {
  readonly stepMs: number;
}

/**
 * Packs and ships orders. An order that comes twice is at its step already, so nothing happens.
 * It stands for a process of its own: it knows only the bus.
 */
export const runWarehouse = (
  { consume, publish }: Consumer<ServerEvents> & Publisher<ServerEvents>,
  orders: Orders,
  { stepMs }: Pace,
): void => {
  const move = async (id: string, from: Status, to: Status): Promise<Order | undefined> => {
    await sleep(stepMs);
    const order = orders.get(id);
    if (order?.status !== from) return undefined;
    const moved: Order = { ...order, status: to };
    orders.save(moved);
    await publish('order.changed', moved);
    return moved;
  };
  consume('order.placed', 'pack-order', async ({ id }) => {
    const packed = await move(id, 'placed', 'packed');
    if (packed) await publish('order.packed', packed);
  });
  consume('order.packed', 'ship-order', ({ id }) => move(id, 'packed', 'shipped'));
};
