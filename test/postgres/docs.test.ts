import { PGlite } from '@electric-sql/pglite';
import { fromPglite, postgres, tables } from 'mapbus/postgres';
import { createServiceBus } from 'mapbus/service';
import { expect, it } from 'vitest';
import { readPage } from '../../scripts/readme.ts';

it('the queries of the docs tell what waits, what is retried and what was given up', async () => {
  const [, block = ''] = /^```sql\n(.*?)^```$/ms.exec(readPage('docs/transactions.md')) ?? [];
  const queries = block.split(';').filter((query) => query.trim() !== '');
  const client = new PGlite();
  await client.exec(tables());
  const bus = createServiceBus<{ ping: { n: number } }, unknown>({
    service: 'shop',
    transport: postgres({ database: fromPglite(client) }) as never,
    sends: 'all',
    logger: { debug: () => {}, warn: () => {}, error: () => {} },
  });
  const fail = () => {
    throw new Error('on purpose');
  };
  bus.consume('ping', 'give-up', fail, { maxAttempts: 1 });
  bus.consume('ping', 'try-again', fail, { retryDelayMs: 60_000 });
  await bus.ready();
  await bus.publish('ping', { n: 1 });
  await bus.idle();

  const [waiting, retried, givenUp, version] = await Promise.all(
    queries.map(async (query) => (await client.query(query)).rows),
  );

  expect(waiting).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ service: 'shop', name: 'try-again', waiting: 1 }),
      expect.objectContaining({ service: 'shop', name: 'give-up', waiting: 0 }),
    ]),
  );
  expect(retried).toEqual([expect.objectContaining({ count: 1 })]);
  expect(givenUp).toEqual([
    expect.objectContaining({ service: 'shop', consumer: 'give-up', reason: 'handler_failed', count: 1 }),
  ]);
  expect(version).toEqual([{ version: 1 }]);
  await bus.close();
  await client.close();
}, 60_000);
