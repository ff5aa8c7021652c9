import type { Publisher } from 'mapbus';
import type { Consumer } from 'mapbus/service';
import type { BillingEvents } from './billing.ts';
import type { Database } from './database.ts';
import type { OrderEvents } from './orders.ts';

export interface MailEvents {
  'mail.sent': { to: string; text: string };
}

type Bus = Publisher<MailEvents> & Consumer<OrderEvents & BillingEvents>;

/** Sends two mails for each order. An event may come twice, but each mail is sent once. */
export const createMail = ({ publish, consume }: Bus, { mails }: Database) => {
  consume(['order.placed', 'order.charged'], 'send-mail', async ({ name, payload }, { id }) => {
    const { orderId, customer, total } = payload;
    const text = name === 'order.placed' ? `We have your order ${orderId}` : `You have paid ${total}`;
    if (mails.insert(id, text)) await publish('mail.sent', { to: customer, text });
  });
};
