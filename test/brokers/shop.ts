import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import pg from 'pg';
import { expect, it, onTestFinished } from 'vitest';
import { ensureService } from '../../scripts/services/main.ts';
import type { Kind } from './support.ts';

const run = promisify(execFile);

const EXPECTED = `orders placed          40
audit rows written     40
attempts retried        4
dead letters           10
dead letters redriven  10
orders that came twice 40
orders charged once    40
orders marked as paid  40
mails sent             80
customers in order      4
events lost             0
`;

const urlOf = async (kind: Kind): Promise<string> => {
  const { url } = await ensureService(kind);
  return kind === 'kafka' ? `kafka://${url}` : url;
};

/** A database of its own on the server, which is dropped after the test. */
const createDatabase = async (): Promise<string> => {
  const url = await urlOf('postgres');
  const name = `shop_${crypto.randomUUID().replaceAll('-', '')}`;
  const server = new pg.Client(url);
  await server.connect();
  await server.query(`CREATE DATABASE ${name}`);
  onTestFinished(async () => {
    await server.query(`DROP DATABASE ${name} WITH (FORCE)`);
    await server.end();
  });
  const own = new URL(url);
  own.pathname = `/${name}`;
  return own.href;
};

const shapes: [name: string, args: string[]][] = [
  ['one process', []],
  ['three', ['three']],
];
const runShop = async (variables: NodeJS.ProcessEnv, args: readonly string[]): Promise<string> => {
  const env = { ...process.env, ...variables };
  return (await run('npx', ['tsx', 'examples/shop/main.ts', ...args], { env })).stdout;
};

/** Declares the tests of the shop over one broker or database. */
export const testShop = (kind: Kind): void => {
  it.each(shapes)(
    'gives the counts that it gives in memory, as %s',
    async (_, args) => {
      const url = kind === 'postgres' ? await createDatabase() : await urlOf(kind);

      expect(await runShop({ EVENT_BUS_URL: url }, args)).toBe(EXPECTED);
    },
    120_000,
  );
};

/** Declares the tests of the shop with its outbox in Postgres before one broker. */
export const testShopWithOutbox = (kind: Kind): void => {
  it.each(shapes)(
    'gives the counts that it gives in memory, as %s',
    async (_, args) => {
      const variables = { EVENT_BUS_URL: await urlOf(kind), DATABASE_URL: await createDatabase() };

      expect(await runShop(variables, args)).toBe(EXPECTED);
    },
    120_000,
  );
};
