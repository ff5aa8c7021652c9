// One process of a service, for tests that kill it. Its effects are rows that it inserts in the transaction of exactlyOnce.
import { setTimeout as sleep } from 'node:timers/promises';
import { exactlyOnce, fromPg, outbox, postgres } from 'mapbus/postgres';
import { createServiceBus } from 'mapbus/service';
import pg from 'pg';

const {
  url,
  service,
  names = [],
  leaseMs = 2_000,
  delayMs = 0,
  idleMs = 30_000,
  failing = 0,
  broker,
} = JSON.parse(process.argv[2]);
const database = fromPg(new pg.Pool({ connectionString: url, max: 20, connectionTimeoutMillis: 5_000 }));
const inPostgres = { database, leaseMs, pollMs: 200 };
const transport = broker
  ? outbox({ ...inPostgres, transport: postgres({ ...inPostgres, schema: broker }) })
  : postgres(inPostgres);
const print = process.env.FAULT_LOG
  ? (message, fields) => console.error(Date.now() % 1e6, process.pid, message, fields.error ?? fields)
  : () => {};
const bus = createServiceBus({
  service,
  transport,
  sends: 'all',
  consumers: { retryDelayMs: 50, maxAttempts: 1_000 },
  logger: { debug() {}, warn: print, error: print },
});

const handle = async ({ payload }, { id, attempt, session }) => {
  if (failing > 0 && attempt === 1 && payload.index % failing === 0) throw new Error('first attempt');
  await session.query('INSERT INTO effect (service, id, index, key) VALUES ($1, $2, $3, $4)', [
    service,
    id,
    payload.index,
    payload.key,
  ]);
  if (delayMs > 0) await sleep(delayMs);
};
if (names.length > 0) bus.consume(names, 'note', exactlyOnce(database, handle, { idleMs }), { order: 'key' });
await bus.ready();
process.on('SIGTERM', async () => {
  await bus.close({ drainTimeoutMs: 30_000 });
  process.disconnect?.();
  process.exit(0);
});
// Last: it may be asked to end at once.
process.send?.('ready');
