import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createProgram } from '../../bench/types/program.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** How many types the compiler makes of generic ones for a handler and a publish of each event. */
const countInstantiations = (eventCount: number): number => {
  mkdirSync(`${root}reports`, { recursive: true });
  const file = `${root}reports/type-cost-${eventCount}.ts`;
  writeFileSync(file, createProgram('mapbus', eventCount));
  const options = [
    '--ignoreConfig',
    '--noEmit',
    '--strict',
    '--types',
    'node',
    '--skipLibCheck',
    '--target',
    'es2022',
    '--module',
    'nodenext',
  ];
  const args = ['node_modules/typescript/bin/tsc', ...options, '--extendedDiagnostics', file];
  const output = execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  return Number(/Instantiations:\s+(\d+)/.exec(output)?.[1]);
};

describe('what the types cost a compiler', () => {
  it('is at most 66 instantiations for a handler and a publish, whatever the number of events', () => {
    const [few = 0, more = 0, many = 0] = [100, 300, 1_000].map(countInstantiations);

    expect((more - few) / 200).toBeLessThanOrEqual(66);
    expect((many - more) / 700).toBe((more - few) / 200);
  }, 60_000);
});
