// Runs the tests of the Kafka transport with the newest client, which needs Node 24: in the tests and in the processes that
// they start.
import { spawnSync } from 'node:child_process';
import { delimiter } from 'node:path';
import { fileURLToPath } from 'node:url';
import { npmCi } from '../npm-ci.ts';

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));

await npmCi(path('.'));
await npmCi(path('../runtimes'));
const bin = path('../runtimes/node_modules/node-24/bin');
const vitest = path('../../node_modules/vitest/vitest.mjs');
const args = [vitest, 'run', '--project', 'kafka', '--project', 'kafka-faults', ...process.argv.slice(2)];
const { status } = spawnSync(`${bin}/node`, args, {
  stdio: 'inherit',
  env: {
    ...process.env,
    KAFKA_CLIENT: 'newest',
    NODE_OPTIONS: `--import ${new URL('use.mjs', import.meta.url)}`,
    PATH: [bin, process.env.PATH].join(delimiter),
  },
});
process.exitCode = status ?? 1;
