// Runs the benchmarks on Node 20 and on the newest Node, and writes RESULTS.md and the picture of the README.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { awaitAsync4, awaited, type Case, changes, notAwaited } from './cases.ts';
import { isReached, type Line, lines } from './lines.ts';
import { type Measured, measureAll } from './measure.ts';
import { ownCases } from './own-cases.ts';
import { best, buildWorker, file, ofBest } from './processes.ts';
import { buildBuses } from './without-options.ts';

interface Size {
  readonly name: string;
  readonly size: number;
  readonly sizeLimit: number;
}

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

const time = (nanoseconds: number): string =>
  nanoseconds < 1_000 ? `${nanoseconds.toFixed(0)} ns` : `${(nanoseconds / 1_000).toFixed(1)} µs`;

const bytes = (value: number): string => `${value.toFixed(0)} bytes`;

const factor = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(2));

const targetOf = ({ atMost, atLeast }: Line): string => {
  if (atMost !== undefined) return `≤ ${atMost}`;
  return atLeast === undefined ? '–' : `≥ ${atLeast}`;
};

/** The size of the package does not depend on the Node. */
const measureSizes = (): readonly Size[] => {
  const { stdout } = spawnSync('npx', ['size-limit', '--json'], { cwd: file('..'), encoding: 'utf8' });
  return JSON.parse(stdout) as Size[];
};

const linesTable = (all: readonly Measured[], sizes: readonly Size[]): string => {
  const rows = lines.map((line) => {
    const figures = all.map((measured) => {
      const ratio = line.ratio(measured);
      return `${ratio.toFixed(2)}${isReached(line, ratio) ? '' : ' (not reached)'}`;
    });
    return [line.name, targetOf(line), ...figures];
  });
  const sizeRows = sizes.map(({ name, size, sizeLimit }) => [
    `${name}, brotli`,
    `≤ ${sizeLimit} B`,
    `${size} B${size <= sizeLimit ? '' : ' (not reached)'}`,
    '',
  ]);
  return table(['', 'target', ...all.map(({ node }) => `Node ${node}`)], [...rows, ...sizeRows]);
};

/** Contenders against cases: the best time, and how it compares with mapbus. */
const casesTable = ({ cases, titles }: Measured, shown: readonly Case[], short: (name: string) => string): string => {
  const rows = Object.entries(titles).map(([contender, title]) => {
    const cells = shown.map(({ name }) => {
      const rounds = cases[name] ?? {};
      const figures = rounds[contender];
      if (!figures) return '–';
      return `${time(best(figures))} (${factor(ofBest(rounds, (of) => of(contender) / of('mapbus')))})`;
    });
    return [title, ...cells];
  });
  const measured = rows.filter(([, ...cells]) => cells.some((cell) => cell !== '–'));
  return table(['', ...shown.map(({ name }) => short(name))], measured);
};

const section = (measured: Measured): string => {
  const { node, cpu, titles, own, subscription, inFlight, failures } = measured;
  return [
    `## Node ${node}, ${cpu}`,
    '### publish, not awaited',
    casesTable(measured, notAwaited, (name) => name.replace(/^publish,? /, '').replace(', not awaited', '')),
    '### publish, awaited',
    casesTable(measured, awaited, (name) => name.replace('publish awaited, ', '')),
    '### subscribe + unsubscribe',
    casesTable(measured, changes, (name) => name.replace('subscribe + unsubscribe ', '')),
    '### When the first of three handlers fails',
    table(
      ['', 'it throws', 'it rejects'],
      Object.entries(failures).map(([contender, outcomes]) => [titles[contender] ?? contender, ...outcomes]),
    ),
    '### mapbus alone',
    table(
      ['', 'time'],
      ownCases.map((name) => [name, time(best(own[name] ?? []))]),
    ),
    '### Heap for a subscription, among 2,000',
    table(
      ['', ''],
      Object.entries(subscription).map(([contender, value]) => [titles[contender] ?? contender, bytes(value)]),
    ),
    '### Heap for a publish of mapbus with 4 asynchronous handlers',
    table(
      ['', ''],
      [
        ['while they run', bytes(inFlight.running)],
        ['when they have settled', bytes(inFlight.settled)],
      ],
    ),
  ].join('\n\n');
};

/** The bars of one case, the shortest first. */
const picture = ({ cases, titles, node }: Measured, { name }: Case): string => {
  const title = `${name}, Node ${node}, logarithmic`;
  const bars = Object.entries(cases[name] ?? {})
    .map(([contender, figures]) => ({ contender, figure: best(figures) }))
    .toSorted((a, b) => a.figure - b.figure);
  const longest = Math.max(...bars.map(({ figure }) => Math.log10(figure)));
  const bar = ({ contender, figure }: (typeof bars)[number], index: number) => {
    const y = 40 + index * 24;
    const width = (Math.log10(figure) / longest) * 380;
    const fill = contender === 'mapbus' ? '#3178c6' : '#b8c4d0';
    return `<text x="180" y="${y + 13}" text-anchor="end">${titles[contender]}</text><rect x="190" y="${y}" width="${width.toFixed(0)}" height="18" fill="${fill}"/><text x="${(196 + width).toFixed(0)}" y="${y + 13}">${time(figure)}</text>`;
  };
  const height = 50 + bars.length * 24;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 660 ${height}" font-family="system-ui" font-size="13"><title>${title}</title><rect width="660" height="${height}" fill="#fff"/><text x="12" y="24" font-weight="bold">${title}</text>${bars.map(bar).join('')}</svg>\n`;
};

const INTRO = `# Results

Written by \`npm run bench\`. Each figure is the best of several rounds. In each round, every contender runs once, in a
process of its own, and is measured after it has run for a quarter of a second. The garbage collector is part of the time.
The machine is small and shared: others only ever add time, so the best of each contender is compared. Only ratios mean
something.`;

const LINES_NOTE = `A line with a dash has no target. The build without the two options is made of the same sources with the same settings. A
plugin of esbuild removes the conditions and the calls that a publish has for these options
([without-options.ts](without-options.ts)). Where that line is below 1, the compiler made another choice for the two builds: the
options themselves save no time.`;

const TABLES_NOTE = `In the tables below, the number in brackets is the time against mapbus: below 1 the contender is faster. Most contenders do
less: they have no id, no time, no isolation of failures, no context and no result. A dash is a contender that cannot do the
case, or that needs minutes for it. An awaited case includes the \`await\` of the loop that measures it.`;

await buildWorker();
const buses = await buildBuses();
const all = [process.execPath, file('node_modules/node-26/bin/node')].map((node) => measureAll(node, buses));
const parts = [
  INTRO,
  '## The lines that count',
  linesTable(all, measureSizes()),
  LINES_NOTE,
  TABLES_NOTE,
  ...all.map(section),
];
writeFileSync(file('RESULTS.md'), `${parts.join('\n\n')}\n`);
const [first] = all;
if (first) writeFileSync(file('results.svg'), picture(first, awaitAsync4));
