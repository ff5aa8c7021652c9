import { createServiceBus } from 'mapbus/service';
import type { Transport } from 'mapbus/transport';
import type { PoolClient } from 'pg';
import { createBank } from './bank.ts';
import { type BillingEvents, createBilling } from './billing.ts';
import { createDatabase } from './database.ts';
import { createMail, type MailEvents } from './mail.ts';
import { createOrders, type OrderEvents } from './orders.ts';

export interface ShopEvents extends OrderEvents, BillingEvents, MailEvents {}

export type Module = 'orders' | 'billing' | 'mail';

export interface ProcessOptions {
  readonly transport: Transport<PoolClient>;
  /** Before all names at the broker, so that each run of the example has its own. */
  readonly namespace: string;
  /** The folder of the database and the bank. */
  readonly folder: string;
  /** What runs in this process. */
  readonly modules: readonly Module[];
}

/** Starts one process of the shop. */
export const startProcess = async ({ transport, namespace, folder, modules }: ProcessOptions) => {
  const database = createDatabase(folder);
  const bank = createBank(folder);
  const log = (message: string, { eventId, attempt }: Record<string, unknown>) =>
    database.log.insert(`${message} ${eventId} ${attempt}`, null);

  const bus = createServiceBus<ShopEvents, PoolClient>({
    service: 'shop',
    namespace,
    transport,
    sends: ['order.placed', 'order.charged'],
    keys: { 'order.placed': ({ customer }) => customer },
    consumers: { retryDelayMs: 10 },
    logger: { debug: log, warn: log, error: log },
  });
  bus.subscribe('mail.sent', ({ to, text }) => log('mail_sent', { eventId: `${to} ${text}` }));
  if (modules.includes('billing')) createBilling(bus, bank);
  if (modules.includes('mail')) createMail(bus, database);
  const orders = modules.includes('orders') ? createOrders(bus, database) : undefined;
  await bus.ready();
  return { bus, orders };
};
