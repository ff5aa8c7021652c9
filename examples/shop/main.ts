// A shop of three modules on one service bus. It is deployed while it works, and loses nothing.
//   npx tsx examples/shop/main.ts                                        in memory
//   EVENT_BUS_URL=amqp://localhost npx tsx examples/shop/main.ts         over RabbitMQ
//   EVENT_BUS_URL=kafka://localhost:9092 npx tsx examples/shop/main.ts three    over Kafka, each module a process
//   EVENT_BUS_URL=postgres://localhost/shop npx tsx examples/shop/main.ts       over Postgres
// With DATABASE_URL=postgres://localhost/shop, an outbox in that database is before RabbitMQ or Kafka.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createBank } from './bank.ts';
import { createDatabase } from './database.ts';
import { type Module, startProcess } from './shop.ts';
import { openTransport } from './transport.ts';

const isThree = process.argv.includes('three');
const namespace = `shop-${Date.now().toString(36)}`;
const folder = mkdtempSync(join(tmpdir(), 'mapbus-shop-'));
const { transport, disconnect } = await openTransport();
const database = createDatabase(folder);
const bank = createBank(folder);

const startChild = async (module: Module) => {
  const child = fork(fileURLToPath(new URL('child.ts', import.meta.url)), [namespace, folder, module]);
  await once(child, 'message');
  return async () => {
    const ended = once(child, 'exit');
    child.send('close');
    await ended;
  };
};

/** Starts a version of the shop: one process with all modules, or one for each. */
const startShop = async () => {
  const modules: Module[] = isThree ? ['orders'] : ['orders', 'billing', 'mail'];
  const { bus, orders } = await startProcess({ transport, namespace, folder, modules });
  if (!orders) throw new Error('The shop takes no orders');
  const children = isThree ? await Promise.all([startChild('billing'), startChild('mail')]) : [];
  const close = async () => {
    await bus.close();
    await Promise.all(children.map((closeChild) => closeChild()));
  };
  return { bus, orders, close };
};

/** Waits for what other processes do. */
const until = async (what: string, holds: () => boolean) => {
  for (const begun = Date.now(); !holds(); await sleep(20))
    if (Date.now() - begun > 60_000) throw new Error(`Waited a minute for ${what}`);
};
const countLogged = (message: string) => database.log.keys().filter((key) => key.startsWith(`${message} `)).length;

const customers = ['ada', 'edsger', 'grace', 'kari'];
const placed = Array.from({ length: 10 }, (_, round) =>
  customers.map((customer, index) => {
    const number = round * customers.length + index + 1;
    return { orderId: String(number), customer, total: number, currency: customer === 'kari' ? 'NOK' : 'EUR' };
  }),
).flat();

// 1. A deploy: a new version starts, and the old one closes while its handlers run.
const old = await startShop();
await Promise.all(placed.slice(0, 20).map(old.orders.place));
await until('the first charge', () => bank.charges().length > 0);
const { bus, orders, close } = await startShop();
await old.close();
await Promise.all(placed.slice(20).map(orders.place));
await until('the charges in euros', () => bank.charges().length === 30);

// 2. A mistake: the orders in NOK are dead letters. Once the bank takes NOK, they go back to their consumer.
await until('the dead letters', () => countLogged('event_dead_lettered') === 10);
const { letters } = await bus.deadLetters.page();
bank.addCurrency('NOK');
const redriven = await bus.deadLetters.redrive(letters);
await until('the charges', () => bank.charges().length === 40);

// 3. Every event comes twice.
await orders.sendAllAgain();
await until('the repeated orders', () => bank.repeated() === 40);
await until('the mails', () => database.mails.count() === 80 && database.paid.count() === 40);
await bus.idle();
await close();
await disconnect();

const isInOrder = (customer: string) => {
  const charges = bank.charges().filter((charge) => charge.customer === customer);
  const totals = charges.map(({ total }) => total);
  return String(totals) === String(totals.toSorted((a, b) => a - b));
};
const rows = [
  { what: 'orders placed', counted: placed.length, expected: 40 },
  { what: 'audit rows written', counted: database.audit.count(), expected: 40 },
  { what: 'attempts retried', counted: countLogged('event_retried'), expected: 4 },
  { what: 'dead letters', counted: countLogged('event_dead_lettered'), expected: 10 },
  { what: 'dead letters redriven', counted: redriven, expected: 10 },
  { what: 'orders that came twice', counted: bank.repeated(), expected: 40 },
  { what: 'orders charged once', counted: bank.charges().length, expected: 40 },
  { what: 'orders marked as paid', counted: database.paid.count(), expected: 40 },
  { what: 'mails sent', counted: countLogged('mail_sent'), expected: 80 },
  { what: 'customers in order', counted: customers.filter(isInOrder).length, expected: 4 },
  { what: 'events lost', counted: countLogged('event_lost'), expected: 0 },
];
for (const { what, counted, expected } of rows) {
  const isRight = counted === expected;
  console.log(`${what.padEnd(22)} ${String(counted).padStart(2)}${isRight ? '' : `, expected ${expected}`}`);
  if (!isRight) process.exitCode = 1;
}
rmSync(folder, { recursive: true });
