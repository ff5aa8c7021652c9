// One process of a service, for tests that kill it. It notes each event that a consumer has handled in a file, by a single
// write: what is in the file happened, whatever happens to the process.
import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServiceBus } from 'mapbus/service';
import { transportFromUrl } from 'mapbus/url';
import { dieAfterRetry } from './die-after-retry.mjs';

const { url, service, file, consumers, diesAfterRetry = false } = JSON.parse(process.argv[2]);
if (diesAfterRetry) dieAfterRetry();
const print = process.env.FAULT_LOG
  ? (message, fields) => console.error(Date.now() % 1e6, process.pid, message, fields.error ?? fields)
  : () => {};
const bus = createServiceBus({
  service,
  transport: await transportFromUrl(url),
  sends: 'all',
  consumers: { retryDelayMs: 100, maxAttempts: 50 },
  logger: { debug() {}, warn: print, error: print },
});

for (const { consumer, names, failing = 0, delayMs = 0, deadly = false, followUp, ...options } of consumers) {
  const handle = async ({ payload }, { id, key = '', attempt }) => {
    if (delayMs > 0) await sleep(delayMs);
    if (deadly && payload.isDeadly) process.kill(process.pid, 'SIGKILL');
    // The first attempt of every so many events fails, so that retries are under way when the process dies.
    if (failing > 0 && attempt === 1 && payload.index % failing === 0) throw new Error('first attempt');
    if (followUp) await bus.publish(followUp, payload, { id: `${id}/${followUp}` });
    appendFileSync(file, `${consumer} ${id} ${payload.index} ${key} ${Date.now()}\n`);
  };
  bus.consume(names, consumer, handle, options);
}
await bus.ready();
process.on('SIGTERM', async () => {
  await bus.close({ drainTimeoutMs: 30_000 });
  process.send?.('closed', () => process.disconnect());
});
// Last: it may be asked to end at once.
process.send?.('ready');
