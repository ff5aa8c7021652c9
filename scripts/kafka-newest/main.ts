// Runs the tests of the Kafka transport with the newest client: all of them, or the projects of Vitest that are given.
import { fileURLToPath } from 'node:url';
import { runWithNewest } from './run.ts';

const vitest = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url));

const given = process.argv.slice(2);
const projects = given.includes('--project')
  ? []
  : ['kafka', 'kafka-programs', 'kafka-faults'].flatMap((name) => ['--project', name]);

process.exitCode = await runWithNewest([vitest, 'run', ...projects, ...given]);
