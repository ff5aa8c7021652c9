// Runs the tests of the Kafka transport with the newest client, which needs Node 24.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { npmCi } from '../npm-ci.ts';

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));

await npmCi(path('.'));
await npmCi(path('../runtimes'));
const node = path('../runtimes/node_modules/node-24/bin/node');
const vitest = path('../../node_modules/vitest/vitest.mjs');
const args = [vitest, 'run', '--project', 'brokers', 'test/brokers/kafka', ...process.argv.slice(2)];
const env = { ...process.env, KAFKA_CLIENT: 'newest' };
const { status } = spawnSync(node, args, { stdio: 'inherit', env });
process.exitCode = status ?? 1;
