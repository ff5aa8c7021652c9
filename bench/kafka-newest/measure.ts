// Measures on the Node and with the client that run it, and writes RESULTS.md. Arguments choose parts: groups, deploys,
// costs, faults, ids.
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { kafkaProxy } from '../../scripts/services/kafka.ts';
import { ensureService } from '../../scripts/services/main.ts';
import { createFaultProxy } from '../../scripts/services/proxy.ts';
import { median } from '../processes.ts';
import { versionOf } from '../versions.ts';
import { kinds, measureDeploy, measureKind, type Place } from './groups.ts';
import { tryFenced, tryGivenUp, tryRefusedBeside, tryTopicMadeAnew } from './producer-ids.ts';
import { compareCosts, faults, tryFault } from './producing.ts';
import { type WriterName, writers } from './writers.ts';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);

const { url: direct, own } = await ensureService('kafka');
if (!own) throw new Error('The broker at hand is not ours to kill');
const proxy = await createFaultProxy(kafkaProxy.target, kafkaProxy.port);
const site = { direct, proxied: `127.0.0.1:${proxy.port}`, proxy, own };
const place: Place = { direct, proxied: site.proxied, cut: proxy.cut };

const table = (head: readonly string[], rows: readonly (readonly unknown[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
const inSeconds = (ms: number | undefined): string => (ms === undefined ? 'never' : `${(ms / 1_000).toFixed(1)} s`);
const writerNames = Object.keys(writers) as WriterName[];
/** One request at a time of each event is not what the transport does: shown for its cost alone. */
const gathering = writerNames.filter((name) => name.startsWith('batches'));

const middle = (values: readonly (number | undefined)[]): number | undefined => {
  const found = median(values.map((value) => value ?? Number.POSITIVE_INFINITY));
  return Number.isFinite(found) ? found : undefined;
};

const showGroups = async (): Promise<string> => {
  const names = Object.keys(kinds) as (keyof typeof kinds)[];
  const runs = new Map(names.map((name) => [name, [] as Awaited<ReturnType<typeof measureKind>>[]]));
  for (let round = 0; round < ROUNDS; round++)
    for (const name of names) {
      const run = await measureKind(place, kinds[name]);
      console.log(name, JSON.stringify(run));
      runs.get(name)?.push(run);
    }
  const cells = (show: (list: Awaited<ReturnType<typeof measureKind>>[]) => string) =>
    names.map((name) => show(runs.get(name) ?? []));
  const [first] = runs.values();
  const starts = Object.keys(first?.[0]?.starts ?? {}).map((which) => [
    `${which}: first event after its start`,
    ...cells((list) => inSeconds(middle(list.map(({ starts }) => starts[which]?.got)))),
  ]);
  const costs = Object.keys(first?.[0]?.costs ?? {}).map((step) => [
    step,
    ...cells((list) => {
      const of = (pick: (cost: (typeof list)[number]['costs'][string]) => number | undefined) =>
        middle(list.map(({ costs }) => costs[step] && pick(costs[step])));
      return [
        inSeconds(of(({ settled }) => settled)),
        inSeconds(of(({ stayed }) => stayed)),
        inSeconds(of(({ moved }) => moved)),
        of(({ twice }) => twice),
      ].join(', ');
    }),
  ]);
  const lost = ['events lost', ...cells((list) => String(list.reduce((sum, { lost }) => sum + lost, 0)))];
  return table(['', ...names], [...starts, ...costs, lost]);
};

const showDeploys = async (): Promise<string> => {
  const rows: string[][] = [];
  for (const from of ['classic', 'mapbus'] as const) {
    const { steps, lost } = await measureDeploy(place, from);
    for (const { title, cost, type } of steps) {
      const { settled, stayed, moved, twice } = cost;
      rows.push([from, title, type, inSeconds(settled), inSeconds(stayed), inSeconds(moved), String(twice), '']);
    }
    rows.push([from, 'all of it', '', '', '', '', '', String(lost)]);
    console.log(rows.slice(-7));
  }
  return table(['members before', 'step', 'group', 'shared again', 'stayed', 'moved', 'twice', 'lost'], rows);
};

const showCosts = async (): Promise<string> => {
  const shown: string[] = [];
  for (const topics of [1, 4]) {
    const results = await compareCosts(direct, topics, 2 * ROUNDS + 1, [100_000, 10_000]);
    const baseOf = (name: string) =>
      results.get(name.startsWith('batches') ? 'batches, not idempotent' : 'one by one, not idempotent');
    const rows = [...results].map(([name, { perSecond, cpuUs }]) => [
      name,
      Math.round(perSecond).toLocaleString('en'),
      (perSecond / (baseOf(name)?.perSecond ?? Number.NaN)).toFixed(2),
      cpuUs.toFixed(1),
      (cpuUs / (baseOf(name)?.cpuUs ?? Number.NaN)).toFixed(2),
    ]);
    shown.push(
      `To ${topics === 1 ? 'one topic' : `${topics} topics`}:\n\n${table(['', 'events/s', 'ratio', 'CPU µs per event', 'ratio'], rows)}`,
    );
    console.log(shown.at(-1));
  }
  return shown.join('\n\n');
};

const showFaults = async (): Promise<string> => {
  const rows: unknown[][] = [];
  for (const [fault, breakIt] of Object.entries(faults))
    for (const name of writerNames) {
      const { confirmed, lost, twice, wrongKeys, longest, inTime } = await tryFault(site, name, breakIt);
      rows.push([fault, name, confirmed, lost, twice, wrongKeys, inTime ? inSeconds(longest) : 'not all in 30 s']);
      console.log(rows.at(-1)?.join(' | '));
    }
  return table(
    ['fault', '', 'confirmed', 'lost', 'twice in the log', 'keys out of order', 'longest without a confirm'],
    rows,
  );
};

const showIds = async (): Promise<string> => {
  const rows: string[][] = [];
  for (const name of gathering) {
    const beside = await tryRefusedBeside(site, name, 200);
    rows.push([
      name,
      await tryFenced(site, name),
      await tryTopicMadeAnew(site, name),
      `${beside.lost} of ${beside.confirmed}`,
      `${await tryGivenUp(site, name)} of 10`,
    ]);
    console.log(rows.at(-1)?.join(' | '));
  }
  return table(
    [
      '',
      'next write after a newer epoch',
      'after the topic was made anew',
      'confirmed and lost beside a refused event',
      'in the log though given up',
    ],
    rows,
  );
};

const parts: Record<string, { readonly title: string; readonly show: () => Promise<string> }> = {
  costs: { title: 'What idempotent writing costs', show: showCosts },
  faults: { title: 'What is in the log after a fault', show: showFaults },
  ids: { title: 'When the id of the producer is lost', show: showIds },
  groups: { title: 'Members that come and go', show: showGroups },
  deploys: { title: 'From one protocol to the other and back', show: showDeploys },
};

const chosen = process.argv.slice(2);
const file = new URL('RESULTS.md', import.meta.url);
for (const [name, { show }] of Object.entries(parts)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  const shown = await show();
  console.log(shown);
  const text = readFileSync(file, 'utf8');
  const [begin, end] = [`<!-- ${name} -->\n`, `<!-- end of ${name} -->`];
  const before = text.slice(0, text.indexOf(begin) + begin.length);
  writeFileSync(file, `${before}\n${shown}\n\n${text.slice(text.indexOf(end))}`);
}
console.log(
  `Node ${process.versions.node}, ${cpus()[0]?.model}, client ${versionOf('@platformatic/kafka', '../scripts/kafka-newest/node_modules')}`,
);
process.exit();
