// Measures what the types cost a compiler, and writes RESULTS.md beside this file.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import {
  compilerOptionsFor,
  createProgram,
  createRealProgram,
  type Library,
  libraries,
  namesOf,
  type RealMap,
  realMaps,
} from './programs.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = `${here}generated`;
/** How often each compiler checks each program. */
const rounds = { 'typescript-5.4': 1, 'typescript-5.9': 1, typescript: 3, 'typescript-7.0': 3 };
const libraryNames = Object.keys(libraries) as Library[];
const sizes = [100, 1_000];

/** A map, and the programs over it. */
interface Case {
  readonly id: string;
  readonly title: string;
  readonly map?: RealMap;
  readonly programOf: (library: Library) => string;
}

interface Cost {
  readonly checkSeconds: number;
  readonly types: number;
  readonly instantiations: number;
  readonly memoryKb: number;
}

const synthetic = sizes.map(
  (size): Case => ({
    id: String(size),
    title: String(size),
    programOf: (library) => createProgram(library, size),
  }),
);
const real = (Object.entries(realMaps) as [RealMap, string][]).map(([map, title]): Case => {
  const names = namesOf(map);
  return {
    id: map,
    title: `${title} (${names.length})`,
    map,
    programOf: (library) => createRealProgram(library, map, names),
  };
});
const cases = [...real, ...synthetic];
const librariesOf = ({ map }: Case): readonly Library[] => (map ? ['mapbus', 'mitt'] : libraryNames);

const fileOf = (library: Library, { id }: Case, extension: string) => `${folder}/${library}-${id}.${extension}`;

const writePrograms = () => {
  mkdirSync(folder, { recursive: true });
  for (const one of cases) {
    for (const library of librariesOf(one)) {
      const program = fileOf(library, one, 'ts');
      const paths = { mapbus: [`${root}dist/index.d.ts`] };
      const config = { compilerOptions: { ...compilerOptionsFor(one.map), paths }, files: [program] };
      writeFileSync(program, one.programOf(library));
      writeFileSync(fileOf(library, one, 'json'), JSON.stringify(config));
    }
  }
};

const versionOf = (compiler: string): string =>
  JSON.parse(readFileSync(`${root}node_modules/${compiler}/package.json`, 'utf8')).version;

const check = (compiler: string, library: Library, one: Case): Cost => {
  const tsc = `${root}node_modules/${compiler}/bin/tsc`;
  // One worker: TypeScript 7 would otherwise share the work among as many as the machine has to spare.
  const single = compiler.endsWith('7.0') ? ['--singleThreaded'] : [];
  const args = [tsc, '-p', fileOf(library, one, 'json'), '--extendedDiagnostics', ...single];
  const output = execFileSync(process.execPath, args, { encoding: 'utf8' });
  const read = (label: string) => Number(new RegExp(`^${label}:\\s+([\\d.]+)`, 'm').exec(output)?.[1]);
  return {
    checkSeconds: read('Check time'),
    types: read('Types'),
    instantiations: read('Instantiations'),
    memoryKb: read('Memory used'),
  };
};

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

type CostOf = (library: Library, one: Case) => Cost;

const measure = (compiler: string, roundCount: number): CostOf => {
  const runs = new Map<string, Cost[]>();
  const keyOf = (library: Library, { id }: Case) => `${library}-${id}`;
  // Interleaved, so that a slow moment of the machine falls on all of them.
  for (let round = 0; round < roundCount; round++) {
    for (const one of cases) {
      for (const library of librariesOf(one)) {
        const key = keyOf(library, one);
        runs.set(key, [...(runs.get(key) ?? []), check(compiler, library, one)]);
      }
    }
  }
  return (library, one) => {
    const costs = runs.get(keyOf(library, one)) ?? [];
    return { ...(costs[0] as Cost), checkSeconds: median(costs.map(({ checkSeconds }) => checkSeconds)) };
  };
};

const milliseconds = ({ checkSeconds }: Cost) => (checkSeconds * 1_000).toFixed(0);
const table = (head: readonly string[], rows: readonly (readonly (string | number)[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

const realTable = (costOf: CostOf): string => {
  const head = ['map (events)', 'instantiations', 'of mitt', 'ratio', 'check ms', 'of mitt', 'ratio'];
  const rows = real.map((one) => {
    const [own, mitt] = [costOf('mapbus', one), costOf('mitt', one)];
    const countRatio = (own.instantiations / mitt.instantiations).toFixed(2);
    const timeRatio = (own.checkSeconds / mitt.checkSeconds).toFixed(2);
    const times = [milliseconds(own), milliseconds(mitt), timeRatio];
    return [one.title, own.instantiations, mitt.instantiations, countRatio, ...times];
  });
  return table(head, rows);
};

const syntheticTable = (costOf: CostOf): string => {
  const head = ['events', 'library', 'check ms', 'against mitt', 'types', 'instantiations', 'memory'];
  const rows = synthetic.flatMap((one) =>
    libraryNames.map((library) => {
      const cost = costOf(library, one);
      const ratio = (cost.checkSeconds / costOf('mitt', one).checkSeconds).toFixed(2);
      const memory = `${(cost.memoryKb / 1_024).toFixed(0)} MB`;
      return [one.title, library, milliseconds(cost), ratio, cost.types, cost.instantiations, memory];
    }),
  );
  return table(head, rows);
};

writePrograms();
const intro = `# What the types cost a compiler

One handler and one publish of each event of a map, over the types of each library. Figures of
\`tsc --extendedDiagnostics\`; times are medians of 3 interleaved runs, with the two older
compilers of one run; ${cpus()[0]?.model}. Made by \`npm run bench:types\`.

Instantiations are how often the compiler fills in a generic type. They are no measure of time: see the times beside them.
A handler and a publish of mapbus take 66, those of mitt 23. A handler takes 17 against 14: it has a context. A publish takes
49 against 9:

- 9 are the same as in mitt.
- 12 are the tuple of payload and options. With a tuple, a payload can be left out where there is none, and a function
  \`(name, ...args) => bus.publish(name, ...args)\` needs no types of its own. Overloads would need fewer, but give such a
  function no types.
- 5 tell whether the payload can be left out.
- 16 refuse a payload that fits only one member of a union of names.
- 7 let metadata be of an interface of your own.

In large maps mapbus takes less time than mitt: there the compiler looks for the members of a literal payload in the payloads
of all events.
`;
const sections = Object.entries(rounds).map(([compiler, roundCount]) => {
  const costOf = measure(compiler, roundCount);
  const maps = `Maps of others:\n\n${realTable(costOf)}`;
  const made = `Maps of so many events, each with a payload of its own:\n\n${syntheticTable(costOf)}`;
  return `## TypeScript ${versionOf(compiler)}\n\n${maps}\n\n${made}\n`;
});
writeFileSync(`${here}RESULTS.md`, [intro, ...sections].join('\n'));
console.log(sections.join('\n'));
