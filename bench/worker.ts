// Does one job in a process of its own, and prints the result as JSON. In one process for all, contenders would make each
// other's code slower: their calls of handlers, and on Node 20 the promises of all once one starts an AsyncLocalStorage.
import { measure } from 'mitata';
import { caseOf, type Loop } from './cases.ts';
import { contenderOf } from './contenders.ts';
import { tryFailures } from './failures.ts';
import { measureInFlight, measureSubscription } from './memory.ts';
import { prepareOwnCase } from './own-cases.ts';

export type Job =
  | { readonly kind: 'case'; readonly contender: string; readonly name: string }
  | { readonly kind: 'own case'; readonly name: string }
  | { readonly kind: 'failures'; readonly contender: string }
  | { readonly kind: 'subscription'; readonly contender: string }
  | { readonly kind: 'in flight'; readonly isSettled: boolean };

/** Nanoseconds or bytes; for failures, what happens in words. */
export type Result = number | readonly string[];

const MILLISECOND = 1e6;

const now = (): number => Number(process.hrtime.bigint());

/** How many of it take long enough for the resolution of the clock, and for the garbage collector to have its share. */
const countFor = async (loop: Loop): Promise<number> => {
  for (let count = 1; ; count *= 2) {
    const begun = now();
    await loop(count);
    if (now() - begun >= 2 * MILLISECOND) return count;
  }
};

const measureLoop = async (loop: Loop): Promise<number> => {
  // Warms up: the optimising compiler needs some of it.
  const few = await countFor(loop);
  await measure(() => loop(few), { now, min_cpu_time: 250 * MILLISECOND, min_samples: 3 });
  const count = await countFor(loop);
  const { min } = await measure(() => loop(count), { now, min_cpu_time: 150 * MILLISECOND, min_samples: 5 });
  return min / count;
};

const perform = async (job: Job): Promise<Result> => {
  if (job.kind === 'own case') return measureLoop(await prepareOwnCase(job.name));
  if (job.kind === 'in flight') return measureInFlight(job.isSettled);
  const create = await contenderOf(job.contender).load();
  if (job.kind === 'failures') return tryFailures(create);
  if (job.kind === 'subscription') return measureSubscription(create);
  return measureLoop(caseOf(job.name).prepare(create()));
};

// What contenders print is no part of the result.
const print = console.log;
console.log = console.warn = console.error = () => {};
print(JSON.stringify(await perform(JSON.parse(process.argv[2] ?? '') as Job)));
// Some contenders keep timers.
process.exit();
