import type { Publisher } from 'mapbus';
import { type Consumer, nonRetryable } from 'mapbus/service';
import type { Bank } from './bank.ts';
import type { OrderEvents } from './orders.ts';

export interface BillingEvents {
  'order.charged': { orderId: string; customer: string; total: number };
}

type Bus = Publisher<BillingEvents> & Consumer<OrderEvents>;

/** Charges each order once. The orders of one customer are charged in the order in which they were placed. */
export const createBilling = ({ publish, consume }: Bus, bank: Bank) => {
  consume(
    'order.placed',
    'charge-card',
    async ({ orderId, customer, total, currency }, { id, signal }) => {
      // Another attempt cannot help: the event becomes a dead letter at once.
      if (!bank.takes(currency)) throw nonRetryable(`the bank does not take ${currency}`);
      // If this throws, the attempt fails and there is another one. The bank then gets the same id, and charges once.
      await bank.charge(id, { orderId, customer, total }, signal);
      // If this fails, the attempt fails too. Each attempt publishes the same id.
      await publish('order.charged', { orderId, customer, total }, { id: `${id}/charged` });
    },
    { order: 'key' },
  );
};
