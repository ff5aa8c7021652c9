import { PGlite, type Transaction } from '@electric-sql/pglite';
import { exactlyOnce, fromPglite } from 'mapbus/postgres';
import type { ConsumerContext } from 'mapbus/service';
import { type IdempotencyOptions, proveIdempotent, type Step } from 'mapbus/testing';
import { afterAll, describe, expect, it } from 'vitest';

interface Order {
  total: number;
}
interface World {
  readonly step: Step;
}

const database = await PGlite.create();
await database.exec(`
  CREATE TABLE handled (consumer text, event_id text, PRIMARY KEY (consumer, event_id));
  CREATE TABLE revenue (total int)`);
afterAll(() => database.close());

const options: IdempotencyOptions<Order, string, World> = {
  setUp: async ({ step }) => {
    await database.exec('TRUNCATE handled, revenue; INSERT INTO revenue VALUES (0)');
    return { step };
  },
  snapshot: async () => (await database.query('SELECT total FROM revenue')).rows,
  events: [{ payload: { total: 3 } }, { payload: { total: 4 } }],
};

const INSERT = "INSERT INTO handled VALUES ('revenue', $1) ON CONFLICT DO NOTHING";
const UPDATE = 'UPDATE revenue SET total = total + $1';

type Query = Pick<Transaction, 'query'>;

/** Marks an event as handled, and does its work. */
const addRevenue = async (on: Query, { total }: Order, { id }: ConsumerContext, { step }: World): Promise<void> => {
  const { affectedRows } = await step('marked', on.query(INSERT, [id]));
  if (affectedRows === 0) return;
  await step('added', on.query(UPDATE, [total]));
};

describe('proveIdempotent on PGlite', () => {
  it('proves a consumer that marks and works in one transaction', async () => {
    const inOneTransaction = (order: Order, context: ConsumerContext, world: World) => {
      const { step } = world;
      return step(
        'committed',
        database.transaction((transaction) => addRevenue(transaction, order, context, world)),
      );
    };

    const { deliveries } = await proveIdempotent(inOneTransaction, options);

    const afterStep = (step: string) => `event-1 again after a failure after the step ${step}`;
    expect(deliveries).toEqual(expect.arrayContaining(['marked', 'added', 'committed'].map(afterStep)));
  });

  it('finds the failure between two statements that are not in one transaction', async () => {
    const withoutTransaction = (order: Order, context: ConsumerContext, world: World) =>
      addRevenue(database, order, context, world);

    await expect(proveIdempotent(withoutTransaction, options)).rejects.toThrow(
      new Error(
        [
          '[mapbus] The consumer is not idempotent. One clean run ends with [{"total":7}], but:',
          '- event-1 again after a failure after the step marked: [{"total":4}]',
          '- event-2 again after a failure after the step marked: [{"total":3}]',
        ].join('\n'),
      ),
    );
  });

  it('proves a consumer of exactlyOnce', async () => {
    const once = exactlyOnce(fromPglite(database), async ({ total }: Order, { session }) => {
      await session.query(UPDATE, [total]);
    });

    // Its own table of handled events stays, so each run has events of its own.
    let run = 0;
    const renamed = (order: Order, context: ConsumerContext) => once(order, { ...context, id: `${run}/${context.id}` });
    const setUp: typeof options.setUp = (tools) => {
      run++;
      return options.setUp(tools);
    };

    const { deliveries } = await proveIdempotent(renamed, { ...options, setUp });

    expect(deliveries).toContain('event-2 twice at the same time');
  });
});
