// Runs jobs, each in a process of its own.
import { execFileSync } from 'node:child_process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import type { Job, Result } from './worker.ts';

export const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));

// Here, its imports find what bench/package.json installs.
const WORKER = file('node_modules/.cache/worker.mjs');

/** Bundled once: to compile it in each process would take longer than most jobs. */
export const buildWorker = () =>
  build({
    entryPoints: [file('worker.ts')],
    outfile: WORKER,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
  });

/** The bus as it is published. */
export const BUILT_BUS = file('../dist/index.js');

export const run = (node: string, job: Job, bus = BUILT_BUS): Result => {
  const env = { ...process.env, BENCH_BUS: pathToFileURL(bus).href };
  const args = ['--expose-gc', WORKER, JSON.stringify(job)];
  return JSON.parse(
    execFileSync(node, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], env }),
  ) as Result;
};

export const runNumber = (node: string, job: Job, bus?: string): number => {
  const result = run(node, job, bus);
  if (typeof result !== 'number') throw new Error(`Expected a number of ${JSON.stringify(job)}`);
  return result;
};

/** What several contenders took, in rounds that take turns. */
export type Rounds = Readonly<Record<string, readonly number[]>>;

export const takeTurns = (rounds: number, tasks: Readonly<Record<string, () => number>>): Rounds => {
  const figures: Record<string, number[]> = {};
  for (let round = 0; round < rounds; round++) {
    for (const [name, task] of Object.entries(tasks)) {
      figures[name] ??= [];
      figures[name].push(task());
    }
  }
  return figures;
};

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
};

/** The best of all rounds: other guests of a shared machine only ever add time. */
export const best = (values: readonly number[]): number => Math.min(...values);

/** A figure that is made of the best of each. */
export const ofBest = (rounds: Rounds, figure: (of: (name: string) => number) => number): number =>
  figure((name) => {
    const values = rounds[name];
    if (!values) throw new Error(`Nothing was measured of ${name}`);
    return best(values);
  });
