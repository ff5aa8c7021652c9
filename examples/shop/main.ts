// A shop of three modules on one service bus. It is deployed while it works, and loses nothing.
//   npx tsx examples/shop/main.ts
import { waitFor } from 'mapbus';
import { createServiceBus, memory } from 'mapbus/service';
import { createBank } from './bank.ts';
import { type BillingEvents, createBilling } from './billing.ts';
import { createDatabase } from './database.ts';
import { createMail, type MailEvents } from './mail.ts';
import { createOrders, type OrderEvents } from './orders.ts';

interface ShopEvents extends OrderEvents, BillingEvents, MailEvents {}

// What all processes of the shop share.
const transport = memory();
const database = createDatabase();
const bank = createBank();

const counts = new Map<string, number>();
const count = (what: string) => counts.set(what, (counts.get(what) ?? 0) + 1);

/** Starts what runs in each process of the shop. */
const startShop = async () => {
  const bus = createServiceBus<ShopEvents>({
    service: 'shop',
    transport,
    sends: ['order.placed', 'order.charged'],
    keys: { 'order.placed': ({ customer }) => customer },
    consumers: { retryDelayMs: 10 },
    logger: { debug: count, warn: count, error: count },
  });
  const orders = createOrders(bus, database);
  createBilling(bus, bank);
  createMail(bus, database);
  bus.subscribe('mail.sent', () => count('mail.sent'));
  await bus.ready();
  return { bus, orders };
};

const customers = ['ada', 'edsger', 'grace', 'kari'];
const placed = Array.from({ length: 10 }, (_, round) =>
  customers.map((customer, index) => {
    const number = round * customers.length + index + 1;
    return { orderId: String(number), customer, total: number, currency: customer === 'kari' ? 'NOK' : 'EUR' };
  }),
).flat();

// 1. A deploy: a new process starts, and the old one closes while its handlers run.
const old = await startShop();
const firstCharge = waitFor(old.bus, 'order.charged', { timeoutMs: 10_000 });
await Promise.all(placed.slice(0, 20).map(old.orders.place));
await firstCharge;
const { bus, orders } = await startShop();
// A tail hears what all processes publish. The orders in NOK are not charged yet.
const lastCharge = waitFor(bus.tail(['order.charged']), 'order.charged', {
  filter: () => bank.charges().length === 30,
  timeoutMs: 10_000,
});
await old.bus.close();
await Promise.all(placed.slice(20).map(orders.place));
await lastCharge;
await bus.idle();

// 2. A mistake: the orders in NOK are dead letters. Once the bank takes NOK, they go back to their consumer.
const { letters } = await bus.deadLetters.page();
bank.addCurrency('NOK');
const redriven = await bus.deadLetters.redrive(letters);
await bus.idle();

// 3. Every event comes twice.
await orders.sendAllAgain();
await bus.idle();
await bus.close();

const isInOrder = (customer: string) => {
  const charges = bank.charges().filter((charge) => charge.customer === customer);
  const totals = charges.map(({ total }) => total);
  return String(totals) === String(totals.toSorted((a, b) => a - b));
};
const rows = [
  { what: 'orders placed', counted: placed.length, expected: 40 },
  { what: 'audit rows written', counted: database.audit.size, expected: 40 },
  { what: 'attempts retried', counted: counts.get('event_retried') ?? 0, expected: 4 },
  { what: 'dead letters', counted: counts.get('event_dead_lettered') ?? 0, expected: 10 },
  { what: 'dead letters redriven', counted: redriven, expected: 10 },
  { what: 'orders that came twice', counted: bank.repeated(), expected: 40 },
  { what: 'orders charged once', counted: bank.charges().length, expected: 40 },
  { what: 'orders marked as paid', counted: database.paid.size, expected: 40 },
  { what: 'mails sent', counted: counts.get('mail.sent') ?? 0, expected: 80 },
  { what: 'customers in order', counted: customers.filter(isInOrder).length, expected: 4 },
  { what: 'events lost', counted: counts.get('event_lost') ?? 0, expected: 0 },
];
for (const { what, counted, expected } of rows) {
  const isRight = counted === expected;
  console.log(`${what.padEnd(22)} ${String(counted).padStart(2)}${isRight ? '' : `, expected ${expected}`}`);
  if (!isRight) process.exitCode = 1;
}
