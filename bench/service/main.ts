// Measures the service bus over memory(): events a second through one consumer against a bare queue that does the same
// JSON, a local publish against one on an event bus with the same storage, and both with counts(). Writes RESULTS.md beside this file.
import { AsyncLocalStorage } from 'node:async_hooks';
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { createEventBus, type Observer } from '../../dist/index.js';
import { counts, createServiceBus, memory } from '../../dist/service.js';

const EVENTS = Number(process.env.BENCH_EVENTS ?? 200_000);
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 9);
const WINDOW = 500;

interface Events {
  'order.placed': { orderId: number; customer: string; total: number };
  'page.viewed': { path: string };
}

const payloadOf = (orderId: number) => ({ orderId, customer: 'ada@example.com', total: 42 });
const quiet = { debug: () => {}, warn: console.warn, error: console.error };

interface Side {
  readonly publish: (index: number) => Promise<unknown>;
  readonly handled: () => number;
}

const createOurs = async (observers: readonly Observer[] = []): Promise<Side> => {
  const bus = createServiceBus<Events>({
    service: 'bench',
    transport: memory(),
    sends: 'all',
    logger: quiet,
    logPublish: () => false,
    observers,
  });
  let handled = 0;
  bus.consume('order.placed', 'count', async ({ total }) => {
    if (total === 42) handled++;
  });
  await bus.ready();
  return { publish: (index) => bus.publish('order.placed', payloadOf(index)), handled: () => handled };
};

/** The same JSON, a later turn, the same number of handlers at once, and nothing else. */
const createBareQueue = async (): Promise<Side> => {
  const queue: string[] = [];
  let handled = 0;
  let first = 0;
  let open = 0;
  let isScheduled = false;
  const handler = async ({ total }: { total: number }) => {
    if (total === 42) handled++;
  };
  const pump = () => {
    isScheduled = false;
    while (open < 10 && first < queue.length) {
      const { data } = JSON.parse(queue[first++] ?? '') as { data: { total: number } };
      open++;
      void handler(data).then(end);
    }
    if (first < queue.length) return;
    queue.length = 0;
    first = 0;
  };
  const end = () => {
    open--;
    pump();
  };
  const schedule = () => {
    if (isScheduled) return;
    isScheduled = true;
    setImmediate(pump);
  };
  const publish = async (index: number) => {
    const time = new Date().toISOString();
    const attributes = { specversion: '1.0', id: String(index), source: '/bench', type: 'order.placed', time };
    queue.push(JSON.stringify({ ...attributes, datacontenttype: 'application/json', data: payloadOf(index) }));
    schedule();
  };
  return { publish, handled: () => handled };
};

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Events a second, from the first publish to the last handler. */
const measureRate = async ({ publish, handled }: Side): Promise<number> => {
  const goal = handled() + EVENTS;
  const start = performance.now();
  for (let index = 0; index < EVENTS; index += WINDOW) {
    const publishing: Promise<unknown>[] = [];
    for (let offset = 0; offset < WINDOW; offset++) publishing.push(publish(index + offset));
    await Promise.all(publishing);
  }
  while (handled() < goal) await turn();
  return EVENTS / ((performance.now() - start) / 1_000);
};

const measureLocal = async (publish: () => Promise<unknown>): Promise<number> => {
  const count = EVENTS;
  const start = performance.now();
  for (let index = 0; index < count; index++) await publish();
  return ((performance.now() - start) / count) * 1e6;
};

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

const sides = {
  'service bus over memory()': await createOurs(),
  'the same with counts()': await createOurs([counts().observer]),
  'bare queue with the same JSON': await createBareQueue(),
};
const rates: Record<string, number[]> = {};
for (let round = 0; round <= ROUNDS; round++) {
  for (const [name, side] of Object.entries(sides)) {
    const rate = await measureRate(side);
    if (round > 0) rates[name] = [...(rates[name] ?? []), rate];
  }
}

const local = createServiceBus<Events>({
  service: 'bench',
  transport: memory(),
  sends: ['order.placed'],
  logger: quiet,
  logPublish: () => false,
});
const createPlain = (observers: readonly Observer[]) =>
  createEventBus<Events>({
    contextStorage: new AsyncLocalStorage(),
    logger: quiet,
    logPublish: () => false,
    observers,
  });
const plain = createPlain([]);
const counted = createPlain([counts().observer]);
for (const bus of [local, plain, counted])
  for (let index = 0; index < 4; index++) bus.subscribe('page.viewed', () => {});
const locals = {
  'service bus, a name that is not sent': () => local.publish('page.viewed', { path: '/' }),
  'event bus with the same storage': () => plain.publish('page.viewed', { path: '/' }),
  'that event bus with counts()': () => counted.publish('page.viewed', { path: '/' }),
};
const times: Record<string, number[]> = {};
for (let round = 0; round <= ROUNDS; round++) {
  for (const [name, publish] of Object.entries(locals)) {
    const time = await measureLocal(publish);
    if (round > 0) times[name] = [...(times[name] ?? []), time];
  }
}

const rows = (values: Record<string, number[]>, unit: (value: number) => string): string[] => {
  const medians = Object.entries(values).map(([name, all]) => [name, median(all)] as const);
  const own = medians[0]?.[1] ?? Number.NaN;
  return medians.map(([name, value]) => `| ${name} | ${unit(value)} | ${(value / own).toFixed(2)} |`);
};
const report = [
  '# The service bus over memory()',
  '',
  `Node ${process.version}, ${cpus()[0]?.model}. Medians of ${ROUNDS} rounds in turns, written by \`npm run bench:service\`.`,
  `Only ratios mean something: the machine is small and shared. ${EVENTS.toLocaleString('en')} events a round, ${WINDOW} publishes awaited at once.`,
  '',
  '| one consumer, concurrency 10 | events a second | against ours |',
  '|---|---|---|',
  ...rows(rates, (value) => Math.round(value).toLocaleString('en')),
  '',
  '| local publish awaited, 4 sync handlers | time | against ours |',
  '|---|---|---|',
  ...rows(times, (value) => `${Math.round(value)} ns`),
  '',
].join('\n');
writeFileSync(new URL('RESULTS.md', import.meta.url), report);
console.log(report);
