// Runs the tests of the Kafka transport with the newest client.
import { fileURLToPath } from 'node:url';
import { runWithNewest } from './run.ts';

const vitest = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url));

process.exitCode = await runWithNewest([
  vitest,
  'run',
  '--project',
  'kafka',
  '--project',
  'kafka-faults',
  ...process.argv.slice(2),
]);
