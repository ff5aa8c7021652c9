import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const PORT = 19_464;
const TRIES = 60;

/** One line of a panel: its labels, and a value for each second. `null` where there is none. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly points: readonly (readonly [seconds: number, value: number])[];
}

export interface Prometheus {
  /** What an expression was at each second between two times, in seconds since 1970. */
  readonly ask: (expression: string, from: number, to: number) => Promise<readonly Series[]>;
  readonly stop: () => void;
}

interface Answer {
  readonly data: { readonly result: readonly { metric: Record<string, string>; values: [number, string][] }[] };
}

const isReady = async (): Promise<boolean> => {
  try {
    return (await fetch(`http://127.0.0.1:${PORT}/-/ready`)).ok;
  } catch {
    return false;
  }
};

const waitUntilReady = async (child: ChildProcess): Promise<void> => {
  for (let attempt = 0; attempt < TRIES && child.exitCode === null; attempt++) {
    if (await isReady()) return;
    await sleep(500);
  }
  throw new Error('Prometheus has not started. Install it, or name the program in PROMETHEUS');
};

/** Starts a Prometheus that scrapes a port each second. */
export const startPrometheus = async (target: number): Promise<Prometheus> => {
  const folder = mkdtempSync(join(tmpdir(), 'mapbus-prometheus-'));
  const config = join(folder, 'prometheus.yml');
  const job = { job_name: 'shop', static_configs: [{ targets: [`127.0.0.1:${target}`] }] };
  // YAML takes JSON.
  writeFileSync(config, JSON.stringify({ global: { scrape_interval: '1s' }, scrape_configs: [job] }));
  const child = spawn(
    process.env.PROMETHEUS ?? 'prometheus',
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${PORT}`,
      '--log.level=error',
    ],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  await waitUntilReady(child);

  const ask: Prometheus['ask'] = async (expression, from, to) => {
    const query = new URLSearchParams({ query: expression, start: String(from), end: String(to), step: '1' });
    const response = await fetch(`http://127.0.0.1:${PORT}/api/v1/query_range?${query}`);
    if (!response.ok) throw new Error(`${expression}: ${await response.text()}`);
    const { data } = (await response.json()) as Answer;
    return data.result.map(({ metric, values }) => ({
      labels: metric,
      points: values.map(([seconds, value]) => [seconds, Number(value)] as const),
    }));
  };
  return { ask, stop: () => void child.kill() };
};
