import { PGlite, type Transaction } from '@electric-sql/pglite';
import { exactlyOnce, fromPglite, postgres, tables } from 'mapbus/postgres';
import { createServiceBus } from 'mapbus/service';
import { expect, it, onTestFinished } from 'vitest';
import { ensureTables } from '../../src/postgres/tables.ts';

const client = new PGlite();
const database = fromPglite(client);

const uniqueSchema = () => `t_${crypto.randomUUID().replaceAll('-', '')}`;
const versionOf = async (schema: string) => (await client.query(`SELECT version FROM ${schema}.version`)).rows;
const setVersion = (schema: string, version: number) =>
  client.query(`UPDATE ${schema}.version SET version = ${version}`);

const addColumn = (_: unknown, schema: string) => [
  `ALTER TABLE ${schema}.event ADD COLUMN IF NOT EXISTS priority int NOT NULL DEFAULT 0`,
];

const publishOnce = async (schema: string, createTables = true) => {
  const bus = createServiceBus<{ ping: object }, Transaction>({
    service: 'shop',
    transport: postgres({ database, schema, createTables }),
    sends: 'all',
    logger: { debug: () => {}, warn: () => {}, error: () => {} },
  });
  onTestFinished(() => bus.close());
  return (await bus.publish('ping', {})).error;
};

it('tables have a version, and creating them once more changes nothing', async () => {
  const schema = uniqueSchema();

  for (const _ of [1, 2]) await client.exec(tables({ schema }));

  expect(await versionOf(schema)).toEqual([{ version: 1 }]);
  expect(await publishOnce(schema, false)).toBeUndefined();
});

it('tables from before there were versions get one', async () => {
  const schema = uniqueSchema();
  await client.exec(`${tables({ schema })} DROP TABLE ${schema}.version`);

  expect(await publishOnce(schema)).toBeUndefined();

  expect(await versionOf(schema)).toEqual([{ version: 1 }]);
});

it('tables of an older version are brought to the next one', async () => {
  const schema = uniqueSchema();
  await client.exec(tables({ schema }));
  const steps = (...parts: Parameters<typeof addColumn>) => [[], addColumn(...parts)];

  await ensureTables(database, schema, true, steps);

  expect(await versionOf(schema)).toEqual([{ version: 2 }]);
  expect((await client.query(`SELECT priority FROM ${schema}.event`)).rows).toEqual([]);
});

it('tables of an older version are refused with createTables: false, and the error names tables()', async () => {
  const schema = uniqueSchema();
  await client.exec(tables({ schema }));

  const ensuring = ensureTables(database, schema, false, (...parts) => [[], addColumn(...parts)]);

  await expect(ensuring).rejects.toThrow(/have the version 1, and this code needs 2\. Run the SQL of tables\(\)/);
});

it('tables of a newer version are refused by a transport and by exactlyOnce, and stay as they are', async () => {
  const schema = uniqueSchema();
  await client.exec(tables({ schema }));
  await setVersion(schema, 7);
  const message = /have the version 7, and this code knows only 1\. Update mapbus here/;

  const error = await publishOnce(schema);
  const once = exactlyOnce(database, () => {}, { schema });
  await client.exec(tables({ schema }));

  expect(error).toMatchObject({ code: 'transport_unavailable', outcome: 'not-sent' });
  expect(error?.message).toMatch(message);
  await expect(once({}, {} as never)).rejects.toThrow(message);
  expect(await versionOf(schema)).toEqual([{ version: 7 }]);
});
