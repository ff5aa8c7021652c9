// Measures what the types cost a compiler, and writes RESULTS.md beside this file.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { createProgram, type Library, libraries } from './program.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = `${here}generated`;
const compilers = { 'TypeScript 6.0.3': 'typescript', 'TypeScript 7.0.2': 'typescript-7.0' };
const names = Object.keys(libraries) as Library[];
const sizes = [100, 500, 1_000, 2_000];
const rounds = 3;

interface Cost {
  readonly checkSeconds: number;
  readonly types: number;
  readonly instantiations: number;
  readonly memoryKb: number;
}

const file = (library: Library, size: number) => `${folder}/${library}-${size}.ts`;

const writePrograms = () => {
  mkdirSync(folder, { recursive: true });
  const compilerOptions = {
    target: 'es2022',
    lib: ['es2023', 'esnext.disposable', 'dom'],
    types: [],
    module: 'esnext',
    moduleResolution: 'bundler',
    strict: true,
    skipLibCheck: true,
    noEmit: true,
    paths: { mapbus: [`${root}dist/index.d.ts`] },
  };
  for (const library of names) {
    for (const size of sizes) {
      writeFileSync(file(library, size), createProgram(library, size));
      const config = { compilerOptions, files: [file(library, size)] };
      writeFileSync(file(library, size).replace('.ts', '.json'), JSON.stringify(config));
    }
  }
};

const check = (compiler: string, library: Library, size: number): Cost => {
  const tsc = `${root}node_modules/${compiler}/bin/tsc`;
  // One worker: TypeScript 7 would otherwise share the work among as many as the machine has to spare.
  const single = compiler.endsWith('7.0') ? ['--singleThreaded'] : [];
  const args = [tsc, '-p', file(library, size).replace('.ts', '.json'), '--extendedDiagnostics', ...single];
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

const measure = (compiler: string): Map<string, Cost> => {
  const runs = new Map<string, Cost[]>();
  // Interleaved, so that a slow moment of the machine falls on all of them.
  for (let round = 0; round < rounds; round++) {
    for (const size of sizes) {
      for (const library of names) {
        const key = `${library}-${size}`;
        runs.set(key, [...(runs.get(key) ?? []), check(compiler, library, size)]);
      }
    }
  }
  const summarize = (costs: readonly Cost[]): Cost => ({
    ...(costs[0] as Cost),
    checkSeconds: median(costs.map(({ checkSeconds }) => checkSeconds)),
  });
  return new Map([...runs].map(([key, costs]) => [key, summarize(costs)]));
};

const section = (title: string, costs: ReadonlyMap<string, Cost>): string => {
  const rows = sizes.flatMap((size) => {
    const own = costs.get(`mapbus-${size}`)?.checkSeconds ?? Number.NaN;
    return names.map((library) => {
      const { checkSeconds, types, instantiations, memoryKb } = costs.get(`${library}-${size}`) as Cost;
      const cells = [size, library, `${(checkSeconds * 1_000).toFixed(0)} ms`, (checkSeconds / own).toFixed(2)];
      return `| ${[...cells, types, instantiations, `${(memoryKb / 1_024).toFixed(0)} MB`].join(' | ')} |`;
    });
  });
  const head = '| events | library | check time | against mapbus | types | instantiations | memory |';
  return [`## ${title}`, '', head, '|---|---|---|---|---|---|---|', ...rows, ''].join('\n');
};

writePrograms();
const intro = `# What the types cost a compiler

A map of so many events, one handler and one publish of each, over the types of each library. Figures of
\`tsc --extendedDiagnostics\`, medians of ${rounds} interleaved runs; ${cpus()[0]?.model}. Made by \`npm run bench:types\`.
`;
const sections = Object.entries(compilers).map(([title, compiler]) => section(title, measure(compiler)));
writeFileSync(`${here}RESULTS.md`, [intro, ...sections].join('\n'));
console.log(sections.join('\n'));
