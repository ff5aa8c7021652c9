// Runs the benchmarks on Node 20 and on the newest Node, and writes RESULTS.md and the picture of the README.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Row } from './main.ts';

interface Run {
  readonly node: string;
  readonly cpu: string;
  readonly own: Record<string, number>;
  readonly results: readonly { name: string; rows: readonly Row[] }[];
  readonly failures: string;
  readonly memory: { subscription: Record<string, number>; inFlight: Record<string, number> };
}

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));

const run = (node: string): Run => {
  const args = ['--expose-gc', '--import', 'tsx', file('main.ts')];
  return JSON.parse(execFileSync(node, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })) as Run;
};

const time = (nanoseconds: number): string =>
  nanoseconds < 1_000 ? `${nanoseconds.toFixed(0)} ns` : `${(nanoseconds / 1_000).toFixed(1)} µs`;

const ratio = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(2));

/** Every contender of a case, with how long it takes against mapbus: below 1 it is ahead. */
const caseTable = ({ name, rows }: Run['results'][number], contenders: readonly string[]): string => {
  const lines = contenders.map((contender) => {
    const row = rows.find((other) => other.contender === contender);
    return row ? `| ${contender} | ${time(row.median)} | ${ratio(row.ratio)} |` : `| ${contender} | – | |`;
  });
  return [`### ${name}`, '', '| | median | against mapbus |', '|---|---|---|', ...lines].join('\n');
};

const valueTable = (title: string, values: Record<string, string>): string =>
  [
    `### ${title}`,
    '',
    '| | |',
    '|---|---|',
    ...Object.entries(values).map(([name, value]) => `| ${name} | ${value} |`),
  ].join('\n');

const mapValues = (values: Record<string, number>, show: (value: number) => string) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, show(value)]));

const section = ({ node, cpu, own, results, memory, failures }: Run): string => {
  const contenders = [...new Set(results.flatMap(({ rows }) => rows.map(({ contender }) => contender)))];
  const bytes = (value: number) => `${value.toFixed(0)} bytes`;
  return [
    `## Node ${node}, ${cpu}`,
    `### When a handler fails\n\n${failures}`,
    valueTable('mapbus alone', mapValues(own, time)),
    ...results.map((result) => caseTable(result, contenders)),
    valueTable('heap for a subscription, among 2,000', mapValues(memory.subscription, bytes)),
    valueTable('heap for a publish in flight with 4 async handlers, of mapbus', mapValues(memory.inFlight, bytes)),
  ].join('\n\n');
};

/** The bars of one case, the shortest first. */
const picture = ({ rows }: Run['results'][number], title: string): string => {
  const bars = rows.toSorted((a, b) => a.median - b.median);
  const longest = Math.max(...bars.map(({ median }) => Math.log10(median)));
  const bar = ({ contender: name, median }: Row, index: number) => {
    const y = 40 + index * 24;
    const width = (Math.log10(median) / longest) * 380;
    const fill = name.startsWith('mapbus') ? '#3178c6' : '#b8c4d0';
    return `<text x="180" y="${y + 13}" text-anchor="end">${name}</text><rect x="190" y="${y}" width="${width.toFixed(0)}" height="18" fill="${fill}"/><text x="${(196 + width).toFixed(0)}" y="${y + 13}">${time(median)}</text>`;
  };
  const height = 50 + bars.length * 24;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 660 ${height}" font-family="system-ui" font-size="13"><title>${title}</title><rect width="660" height="${height}" fill="#fff"/><text x="12" y="24" font-weight="bold">${title}</text>${bars.map(bar).join('')}</svg>\n`;
};

const runs = [run(process.execPath), run(file('node_modules/node-26/bin/node'))];
const intro = `# Results

Medians of interleaved rounds in one process, written by \`npm run bench\`. Only ratios within one table mean something:
the machine is small and shared. A ratio below 1 is a peer that is ahead; most do less: no id, no time, no isolation,
no context, no result. A dash is a contender that cannot do the case, or (with 100,000 handlers) takes minutes to set up.
Awaited cases include what awaiting costs in the measuring loop. abxbus comes after all others, in turns with mapbus:
the \`AsyncLocalStorage\` that it starts makes every promise of the process dearer on Node 20. Its ratio is of those turns.`;
writeFileSync(file('RESULTS.md'), `${[intro, ...runs.map(section)].join('\n\n')}\n`);
const shown = runs[0]?.results.find(({ name }) => name === 'publish awaited, 4 async handlers');
if (shown) writeFileSync(file('results.svg'), picture(shown, `${shown.name}, Node ${runs[0]?.node}, logarithmic`));
