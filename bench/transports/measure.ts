// Measures contenders in turns, each in a process of its own, and makes a table: the same broker, run, settings and payload
// of 256 bytes.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { file, median } from '../processes.ts';
import type { Job, Rates } from './side.ts';

export const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
export const WARM_UPS = 2;

export interface Table extends Pick<Job, 'broker' | 'count' | 'consumerCount'> {
  readonly title: string;
  /** By the name of their row. The first one is what the others are compared with. */
  readonly contenders: Readonly<Record<string, Job['contender']>>;
}

/** Starts a contender. The function that it gives asks for one round. */
const start = async (node: string, job: Job): Promise<{ measure: () => Promise<Rates>; child: ChildProcess }> => {
  const child = fork(file('transports/side.ts'), [JSON.stringify(job)], {
    execPath: node,
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`A contender ended with ${code}`);
  });
  const heard = () => Promise.race([once(child, 'message'), ended]);
  await heard();
  const measure = async () => {
    child.send('round');
    const [rates] = await heard();
    return rates as Rates;
  };
  return { measure, child };
};

/** Each round begins with another contender, so that none always comes after the same one. */
const rotate = <Item>(items: readonly Item[], by: number): Item[] => {
  const first = by % items.length;
  return [...items.slice(first), ...items.slice(0, first)];
};

export const compare = async (node: string, { title, contenders, ...shared }: Table): Promise<string> => {
  const sides = await Promise.all(
    Object.entries(contenders).map(async ([name, contender]) => ({
      name,
      ...(await start(node, { ...shared, contender })),
      rounds: [] as Rates[],
    })),
  );
  for (let round = -WARM_UPS; round < ROUNDS; round++) {
    for (const { measure, rounds } of rotate(sides, round + WARM_UPS)) {
      const rates = await measure();
      if (round >= 0) rounds.push(rates);
    }
  }
  for (const { child } of sides) child.kill();
  const first = sides[0]?.rounds ?? [];
  const lines = sides.map(({ name, rounds }) => {
    const cells = (['sent', 'received'] as const).flatMap((what) => {
      const rate = median(rounds.map((rates) => rates[what]));
      // Of the client in the same round: the broker is not equally fast in all of them.
      const ratio = median(rounds.map((rates, round) => rates[what] / (first[round]?.[what] ?? Number.NaN)));
      return [rate.toFixed(0), ratio.toFixed(2)];
    });
    return `| ${name} | ${cells.join(' | ')} |`;
  });
  return [
    `### ${title}`,
    '',
    `${shared.count} events in a round, each handled ${shared.consumerCount === 1 ? 'once' : `${shared.consumerCount} times`}.`,
    '',
    '| | published/s | of the client | handled/s | of the client |',
    '|---|---|---|---|---|',
    ...lines,
    '',
  ].join('\n');
};
