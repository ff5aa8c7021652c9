// Measures every contender in one process: interleaved rounds, medians, ratios. Writes the results as JSON to stdout.
import { cpus } from 'node:os';
import { measure } from 'mitata';
import { uuidv7 } from 'uuidv7';
import { createEventBus, type EventBusOptions } from '../dist/index.js';
import { tryFailures } from './behaviour.ts';
import { type Contender, contenders, type Emitter, type Handler, loadAbxbus } from './contenders.ts';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
// Shorter, most of it would go to compiling: the loop around a task is new in each measurement.
const budget = { min_cpu_time: 150e6, min_samples: 5, max_samples: 100_000 };

const payload = { value: 1 };
// What handlers do must be seen by somebody, or compilers leave it out.
const sink = { value: 0 };
const work: readonly ((value: number) => void)[] = [
  (value) => {
    sink.value += value;
  },
  (value) => {
    sink.value -= value;
  },
  (value) => {
    sink.value ^= value;
  },
  (value) => {
    sink.value |= value;
  },
];
const workOf = (index: number) => work[index % 4] ?? (() => {});
// A new function for every registration, as in an application: some emitters take equal functions for one.
const syncHandler = (index: number): Handler => {
  const run = workOf(index);
  return ({ value }) => run(value);
};
const asyncHandler = (index: number): Handler => {
  const run = workOf(index);
  return async ({ value }) => run(value);
};
const withHandlers = (emitter: Emitter, count: number, create: (index: number) => Handler) => {
  for (let index = 0; index < count; index++) emitter.subscribe('event', create(index));
  return emitter;
};

export interface Row {
  readonly contender: string;
  readonly median: number;
  /** Against mapbus, measured in turns with it. */
  readonly ratio: number;
}
type Task = (() => unknown) | undefined;
interface Case {
  readonly name: string;
  readonly prepare: (contender: Contender) => Task;
}

const publishing = (count: number): Case => ({
  name: `publish, ${count} sync handlers, not awaited`,
  prepare: ({ create }) => {
    const { publish } = withHandlers(create(), count, syncHandler);
    return publish && (() => void publish('event', payload));
  },
});
const awaiting = (kind: string, count: number, handler: (index: number) => Handler): Case => ({
  name: `publish awaited, ${count} ${kind} handlers`,
  prepare: ({ create }) => {
    const { publishAwaited } = withHandlers(create(), count, handler);
    return publishAwaited && (() => publishAwaited('event', payload));
  },
});
// Each subscription takes as long as there are handlers: 100,000 of them take minutes to set up.
const quadratic = ['allSettled', 'nanoevents', 'EventTarget', 'abxbus', 'tseep', 'rxjs', 'hookable'];
const isQuadratic = (name: string) => quadratic.some((prefix) => name.startsWith(prefix));
const changing = (count: number): Case => ({
  name: `subscribe + unsubscribe among ${count.toLocaleString('en')}`,
  prepare: ({ name, create }) => {
    if (name.startsWith('@nestjs') || (count === 100_000 && isQuadratic(name))) return undefined;
    const { subscribe } = withHandlers(create(), count, syncHandler);
    return () => subscribe('event', syncHandler(0))();
  },
});

const cases: Case[] = [
  publishing(0),
  publishing(1),
  publishing(4),
  publishing(100),
  {
    name: 'publish, 4 async handlers, not awaited',
    prepare: ({ create }) => {
      const { publish } = withHandlers(create(), 4, asyncHandler);
      return publish && (async () => void publish('event', payload));
    },
  },
  awaiting('sync', 4, syncHandler),
  awaiting('async', 1, asyncHandler),
  awaiting('async', 4, asyncHandler),
  awaiting('async', 100, asyncHandler),
  {
    name: 'publish awaited, one of 4 sync handlers throws',
    prepare: ({ create }) => {
      const emitter = create();
      if (!emitter.isolates) return undefined;
      withHandlers(emitter, 3, syncHandler).subscribe('event', () => {
        throw new Error('no');
      });
      return () => emitter.publishAwaited?.('event', payload);
    },
  },
  {
    name: 'publish over 10,000 names, 1 sync handler each',
    prepare: ({ name, create }) => {
      if (name.startsWith('@nestjs')) return undefined;
      const emitter = create();
      const { publish } = emitter;
      const names = Array.from({ length: 10_000 }, (_, index) => `event.${index}`);
      for (const eventName of names) emitter.subscribe(eventName, syncHandler(0));
      let next = 0;
      return publish && (() => void publish(names[next++ % 10_000] ?? '', payload));
    },
  },
  changing(10),
  changing(1_000),
  changing(100_000),
];

const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
};

// The loop around a task is compiled anew for each measurement, and while it is cold an `await` in it costs more than a
// publish: what is awaited is awaited in a loop of its own.
const AWAITED_IN_A_ROW = 100;
const measureOne = async (task: () => unknown): Promise<number> => {
  const isAwaited = task() instanceof Promise;
  const inARow = async () => {
    for (let count = 0; count < AWAITED_IN_A_ROW; count++) await task();
  };
  const { p50 } = await measure((isAwaited ? inARow : task) as never, budget as never);
  return isAwaited ? p50 / AWAITED_IN_A_ROW : p50;
};

/** The medians of tasks that take turns, in nanoseconds; the first round warms up. */
const measureAll = async (tasks: Record<string, () => unknown>): Promise<Record<string, number>> => {
  const samples: Record<string, number[]> = {};
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [name, task] of Object.entries(tasks)) {
      const sample = await measureOne(task);
      if (round > 0) samples[name] = [...(samples[name] ?? []), sample];
    }
  }
  return Object.fromEntries(Object.entries(samples).map(([name, values]) => [name, median(values)]));
};

const runCase = async ({ name, prepare }: Case, taking: readonly Contender[]): Promise<Row[]> => {
  const tasks: Record<string, () => unknown> = {};
  for (const contender of taking) {
    const task = prepare(contender);
    if (task) tasks[contender.name] = task;
  }
  console.error(`${process.version} ${name}`);
  const medians = Object.entries(await measureAll(tasks));
  const own = medians.find(([contender]) => contender.startsWith('mapbus'))?.[1] ?? Number.NaN;
  return medians.map(([contender, median]) => ({ contender, median, ratio: median / own }));
};

/** What mapbus alone can do, against the same publish without it. */
const runOwnCases = () => {
  const add = (value: number) => {
    sink.value += value;
  };
  const create = (
    handler: (payload: { value: number }, context: { id: string; metadata: object; session: unknown }) => unknown,
    options?: EventBusOptions,
  ) => {
    const bus = createEventBus<{ event: { value: number } }>(options);
    bus.subscribe('event', handler);
    return bus;
  };
  const logger = { debug: () => {}, warn: () => {}, error: () => {} };
  const plain = create(({ value }) => add(value));
  const logging = create(({ value }) => add(value), { logger, logPublish: () => false });
  const reading = create((_, { id }) => add(id.length));
  const options = { metadata: { trace_id: 'a', ip_address: '::1' }, session: {} };
  const contextual = create((_, { metadata, session }) => add(metadata && session ? 1 : 0));
  const empty = createEventBus<{ event: { value: number } }>();
  return measureAll({
    'empty function': () => {},
    'publish without handlers': () => void empty.publish('event', payload),
    'publish, 1 handler': () => void plain.publish('event', payload),
    'publish, 1 handler, with a logger': () => void logging.publish('event', payload),
    'publish, 1 handler that reads the id': () => void reading.publish('event', payload),
    'uuidv7()': () => add(uuidv7().length),
    'publish with metadata and session, 1 handler': () => void contextual.publish('event', payload, options),
  });
};

const heap = (): number => {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
};

const measureMemory = async (taking: readonly Contender[]) => {
  const bytes: Record<string, number> = {};
  for (const { name, create } of taking) {
    if (name.startsWith('@nestjs') || name.startsWith('nanoevents')) continue;
    const emitter = create();
    const handler = syncHandler(0);
    const before = heap();
    for (let index = 0; index < 2_000; index++) emitter.subscribe('event', (received) => handler(received));
    bytes[name] = (heap() - before) / 2_000;
  }
  const { subscribe, publish, idle } = createEventBus<{ event: { value: number } }>();
  let open = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  for (let index = 0; index < 4; index++) subscribe('event', () => gate);
  const inFlight: Record<string, number> = {};
  for (const count of [10_000, 100_000, 1_000_000]) {
    const before = heap();
    for (let index = 0; index < count; index++) void publish('event', payload);
    inFlight[count.toLocaleString('en')] = (heap() - before) / count;
    if (count < 1_000_000) continue;
    open();
    await idle();
    await new Promise((resolve) => setTimeout(resolve, 100));
    inFlight['left after all have settled'] = (heap() - before) / count;
  }
  return { subscription: bytes, inFlight };
};

// What contenders warn of is nothing to the reader of the progress.
console.warn = () => {};
const own = await runOwnCases();
const results = [];
for (const task of cases) results.push({ name: task.name, rows: await runCase(task, contenders) });
// After all others, in the same process, with mapbus once more: it taxes whoever is measured after it.
const abxbus = await loadAbxbus();
const beside = [...contenders.filter(({ name }) => name.startsWith('mapbus')), abxbus];
for (const [index, task] of cases.entries()) {
  if (!task.prepare(abxbus)) continue;
  const rows = await runCase(task, beside);
  results[index]?.rows.push(...rows.filter(({ contender }) => contender === abxbus.name));
}
const memory = await measureMemory([...contenders, abxbus]);
const failures = await tryFailures([...contenders, abxbus]);
console.log(
  JSON.stringify({ node: process.version, cpu: cpus()[0]?.model, results, own, memory, failures, sink: sink.value }),
);
