// One process of a service, for tests that kill it. It notes each event that it has handled in a file, by a single
// write: what is in the file happened, whatever happens to the process.
import { appendFileSync } from 'node:fs';
import { createEventBus } from 'mapbus';
import { transportFromUrl } from 'mapbus/url';
import { dieAfterRetry } from './die-after-retry.mjs';

const { url, service, names, file, failing = 0, delayMs = 0, diesAfterRetry = false } = JSON.parse(process.argv[2]);
if (diesAfterRetry) dieAfterRetry();
const print = process.env.FAULT_LOG
  ? (message, { error }) => console.error(Date.now() % 1e6, message, error?.message)
  : () => {};
const logger = { debug() {}, warn: print, error: print };
const transport = await transportFromUrl(url, { service, retryDelayMs: 100, maxAttempts: 50 });
const bus = createEventBus({ transport, logger });
const failed = new Set();

for (const name of names) {
  bus.subscribe(
    name,
    async (payload, { id }) => {
      if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
      // The first attempt of every so many events fails, so that retries are under way when the process dies.
      if (failing > 0 && payload.index % failing === 0 && !failed.has(id)) {
        failed.add(id);
        throw new Error('first attempt');
      }
      appendFileSync(file, `${id} ${payload.index} ${payload.key ?? ''}\n`);
    },
    { name: 'note' },
  );
}
await bus.ready();
process.send?.('ready');
process.on('SIGTERM', async () => {
  await bus.close({ drainTimeoutMs: 30_000 });
  process.send?.('closed', () => process.disconnect());
});
