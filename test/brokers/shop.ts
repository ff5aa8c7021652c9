import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { ensureService } from '../../scripts/services/main.ts';

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

/** Declares the tests of the shop over one broker. */
export const testShop = async (kind: 'rabbitmq' | 'kafka'): Promise<void> => {
  const { url } = await ensureService(kind);
  const env = { ...process.env, EVENT_BUS_URL: kind === 'kafka' ? `kafka://${url}` : url };

  it.each([
    ['one process', []],
    ['three', ['three']],
  ])(
    'gives the counts that it gives in memory, as %s',
    async (_, args) => {
      const { stdout } = await run('npx', ['tsx', 'examples/shop/main.ts', ...args], { env });

      expect(stdout).toBe(EXPECTED);
    },
    120_000,
  );
};
