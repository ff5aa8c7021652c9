import { assertHandled, type Publisher, type Subscriber } from 'mapbus';
import type { Consumer } from 'mapbus/service';
import type { BillingEvents } from './billing.ts';
import type { Database } from './database.ts';

export interface Order {
  orderId: string;
  customer: string;
  total: number;
  currency: string;
}

export interface OrderEvents {
  'order.placed': Order;
}

type Bus = Publisher<OrderEvents> & Subscriber<OrderEvents> & Consumer<BillingEvents>;

/** Takes orders, and learns which of them are paid. */
export const createOrders = ({ publish, subscribe, consume }: Bus, { audit, paid }: Database) => {
  // Local: runs in the process that publishes, before `publish` resolves.
  subscribe('order.placed', function writeAuditRow(order, { id }) {
    audit.insert(id, order);
  });

  // Durable: runs later, in one of the processes of the shop.
  consume('order.charged', 'mark-paid', ({ orderId }) => paid.insert(orderId, null));

  return {
    /** Resolves when the audit row is written and the transport has the event. */
    place: async (order: Order) => assertHandled(await publish('order.placed', order)),
    /** Sends each order again. It keeps its id, so it is the same event. */
    sendAllAgain: async () => {
      for (const [id, order] of audit.entries())
        assertHandled(await publish('order.placed', order, { id, local: false }));
    },
  };
};
