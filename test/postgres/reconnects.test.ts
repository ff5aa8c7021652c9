import { PGlite, type Transaction } from '@electric-sql/pglite';
import { type Database, fromPglite, outbox, postgres } from 'mapbus/postgres';
import { createServiceBus, memory } from 'mapbus/service';
import type { Transport } from 'mapbus/transport';
import { afterAll, expect, it } from 'vitest';

const client = await PGlite.create();
afterAll(() => client.close());

/** A database that can be cut off: each statement fails as if its connection was lost. */
const createFragile = () => {
  const database = fromPglite(client);
  let isAway = false;
  const unlessAway = async <Result>(run: () => Promise<Result>): Promise<Result> => {
    if (isAway) throw Object.assign(new Error('Connection terminated'), { code: 'ECONNRESET' });
    return run();
  };
  const fragile: Database<Transaction> = {
    ...database,
    query: (text, values, session) => unlessAway(() => database.query(text, values, session)),
  };
  return {
    database: fragile,
    cut: () => {
      isAway = true;
    },
    mend: () => {
      isAway = false;
    },
  };
};

const transports: Record<string, (database: Database<Transaction>) => Transport<Transaction>> = {
  postgres: (database) => postgres({ database }),
  'an outbox before memory()': (database) => outbox({ database, transport: memory() }),
};

it.each(Object.entries(transports))('health of %s counts how often the database was there again', async (_, create) => {
  const { database, cut, mend } = createFragile();
  const bus = createServiceBus<{ 'order.placed': undefined }, Transaction>({
    service: 'shop',
    transport: create(database),
    sends: 'all',
    logger: { debug: () => {}, warn: () => {}, error: () => {} },
  });
  await bus.ready();
  await bus.publish('order.placed');
  expect(bus.health()).toMatchObject({ connected: true, reconnects: 0 });

  cut();
  await bus.publish('order.placed');
  expect(bus.health()).toMatchObject({ connected: false, reconnects: 0 });
  mend();
  await bus.publish('order.placed');

  expect(bus.health()).toMatchObject({ connected: true, reconnects: 1 });
  await bus.close();
});
