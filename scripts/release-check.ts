// All that must hold before a release, in the order of what it takes. Run by `npm run release:check`; it publishes nothing.
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { refusedLicences } from './licences.ts';

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
const { version } = JSON.parse(read('package.json')) as { version: string };

const run = (command: string): string | undefined => {
  const { status } = spawnSync('npm', ['run', '--silent', command], { stdio: 'inherit' });
  return status === 0 ? undefined : `npm run ${command} has failed`;
};

/** Each gives what is wrong, or nothing. */
const checks: Record<string, () => string | undefined> = {
  'nothing is uncommitted': () =>
    execFileSync('git', ['status', '--porcelain'], { encoding: 'utf8' }).trim() || undefined,
  [`the changelog begins with ${version} and a date`]: () => {
    const [, first = 'nothing'] = /^## (.+)$/m.exec(read('CHANGELOG.md')) ?? [];
    return /^\S+ - \d{4}-\d\d-\d\d$/.test(first) && first.startsWith(`${version} `)
      ? undefined
      : `it begins with ${first}`;
  },
  'licences of all that comes with the package': () => refusedLicences().join(', ') || undefined,
  'tests, types, examples and runtimes': () => run('test'),
  'faults at full size': () => run('test:faults'),
  'the newest client of Kafka': () => run('test:kafka-newest'),
};

const failed: string[] = [];
for (const [name, check] of Object.entries(checks)) {
  const problem = check();
  console.log(`${problem ? 'no ' : 'yes'}  ${name}${problem ? `: ${problem}` : ''}`);
  if (problem) failed.push(name);
}
if (failed.length > 0) process.exitCode = 1;
else console.log(`\n${version} can be released: npm publish`);
