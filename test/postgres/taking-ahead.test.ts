import { setTimeout as sleep } from 'node:timers/promises';
import { PGlite, type Transaction } from '@electric-sql/pglite';
import { type Database, fromPglite, postgres } from 'mapbus/postgres';
import { createServiceBus } from 'mapbus/service';
import { expect, it, onTestFinished } from 'vitest';
import { createGate } from '../support.ts';

interface Events {
  'order.placed': { index: number };
}

const client = new PGlite();

/** A database that counts its statements. */
const counted = (database: Database<Transaction>) => {
  let count = 0;
  const query: Database<Transaction>['query'] = (...parts) => {
    count++;
    return database.query(...parts);
  };
  return { database: { ...database, query }, statementCount: () => count };
};

const createShop = (namespace: string) => {
  const { database, statementCount } = counted(fromPglite(client));
  const bus = createServiceBus<Events, Transaction>({
    service: 'shop',
    namespace,
    transport: postgres({ database, pollMs: 50 }),
    sends: 'all',
    logger: { debug: () => {}, warn: () => {}, error: () => {} },
  });
  onTestFinished(() => bus.close({ drainTimeoutMs: 0 }));
  return { ...bus, statementCount };
};

it('a quick consumer takes many events with one statement, also when it handles one at a time', async () => {
  const { consume, publish, ready, idle, statementCount } = createShop('quick');
  const seen: number[] = [];
  const consumeNow = () => consume('order.placed', 'read', ({ index }) => seen.push(index), { concurrency: 1 });
  const stop = consumeNow();
  await ready();
  stop();
  await Promise.all(Array.from({ length: 300 }, (_, index) => publish('order.placed', { index })));

  const before = statementCount();
  consumeNow();
  await expect.poll(() => seen.length, { timeout: 20_000 }).toBe(300);

  expect(statementCount() - before).toBeLessThan(100);
  await idle();
}, 60_000);

it('a slow consumer leaves to other processes what it cannot handle soon', async () => {
  const seen = { slow: 0, quick: 0 };
  const slow = createShop('slow');
  const gate = createGate();
  // The third event is handled when the other process has done its part, however long that takes.
  const handleSlowly = async () => {
    await sleep(300);
    if (seen.slow === 2) await gate.promise;
    seen.slow++;
  };
  slow.consume('order.placed', 'read', handleSlowly, { concurrency: 1 });
  await slow.ready();
  await Promise.all(Array.from({ length: 30 }, (_, index) => slow.publish('order.placed', { index })));
  await expect.poll(() => seen.slow).toBe(2);

  const quick = createShop('slow');
  quick.consume('order.placed', 'read', () => seen.quick++);
  await quick.ready();

  await expect.poll(() => seen.quick, { timeout: 20_000 }).toBeGreaterThan(24);
  gate.open();
  await expect.poll(() => seen.slow + seen.quick, { timeout: 20_000 }).toBe(30);
}, 60_000);
