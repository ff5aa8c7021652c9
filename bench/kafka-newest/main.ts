// Measures what the newest client of Kafka has beside what the transport uses: bench/kafka-newest/RESULTS.md.
import { fileURLToPath } from 'node:url';
import { runWithNewest } from '../../scripts/kafka-newest/run.ts';

process.exitCode = await runWithNewest([
  fileURLToPath(new URL('measure.ts', import.meta.url)),
  ...process.argv.slice(2),
]);
