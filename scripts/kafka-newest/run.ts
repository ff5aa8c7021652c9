import { spawnSync } from 'node:child_process';
import { delimiter } from 'node:path';
import { fileURLToPath } from 'node:url';
import { npmCi } from '../npm-ci.ts';

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** Runs a program with the newest client, which needs Node 24: the program and the processes that it starts. Gives its status. */
export const runWithNewest = async (args: readonly string[]): Promise<number> => {
  await npmCi(path('.'));
  await npmCi(path('../runtimes'));
  const bin = path('../runtimes/node_modules/node-24/bin');
  const { status } = spawnSync(`${bin}/node`, args, {
    stdio: 'inherit',
    env: {
      ...process.env,
      KAFKA_CLIENT: 'newest',
      NODE_OPTIONS: `--import ${new URL('use.mjs', import.meta.url)}`,
      PATH: [bin, process.env.PATH].join(delimiter),
    },
  });
  return status ?? 1;
};
