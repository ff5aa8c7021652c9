import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createProgram, createRealProgram, namesOf } from '../../bench/types/programs.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** How many types a compiler makes of generic ones for a program. */
const countInstantiations = (name: string, program: string, compiler = 'typescript'): number => {
  mkdirSync(`${root}reports`, { recursive: true });
  const file = `reports/type-cost-${name}.ts`;
  writeFileSync(`${root}${file}`, program);
  const args = [
    `node_modules/${compiler}/bin/tsc`,
    ...(compiler.startsWith('typescript-5') ? [] : ['--ignoreConfig']),
    ...['--noEmit', '--strict', '--skipLibCheck', '--target', 'es2022', '--module', 'nodenext', '--types', 'node'],
    ...['--lib', 'es2023,esnext.disposable,dom', '--extendedDiagnostics', file],
  ];
  const output = execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  return Number(/Instantiations:\s+(\d+)/.exec(output)?.[1]);
};

describe('what the types cost a compiler', () => {
  it('is at most 66 instantiations for a handler and a publish, whatever the number of events', () => {
    const [few = 0, more = 0, many = 0] = [100, 300, 1_000].map((size) =>
      countInstantiations(String(size), createProgram('mapbus', size)),
    );

    expect((more - few) / 200).toBeLessThanOrEqual(66);
    expect((many - more) / 700).toBe((more - few) / 200);
  }, 120_000);

  it.each(['octokit', 'window'] as const)(
    'is at most 66 for each event of %s',
    (map) => {
      const names = namesOf(map);
      const count = countInstantiations(map, createRealProgram('mapbus', map, names, '../test/types/maps'));

      expect(count / names.length).toBeLessThanOrEqual(66);
    },
    60_000,
  );

  it.each(['typescript-5.4', 'typescript-5.9', 'typescript', 'typescript-7.0'])(
    'grows at most by 30 % if consumers get 1,000 events after JSON, with %s',
    (compiler) => {
      const without = countInstantiations(`without-${compiler}`, createProgram('mapbus', 1_000), compiler);
      const received = countInstantiations(`received-${compiler}`, createProgram('service', 1_000), compiler);

      expect(received / without).toBeLessThanOrEqual(1.3);
    },
    120_000,
  );
});
