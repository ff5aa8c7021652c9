// Checks the type tests, what consumers get of ten maps of others, and a consumer with few libs, under every TypeScript
// that is supported.
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { promisify } from 'node:util';

const run = promisify(execFile);

const compilers = ['typescript-5.4', 'typescript-5.9', 'typescript', 'typescript-7.0'];
const resolutions = {
  nodenext: ['--module', 'nodenext'],
  bundler: ['--module', 'esnext', '--moduleResolution', 'bundler'],
};
// What the types promise holds with these options and without them.
const strictest = ['--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess'];
const typeTests = ['--lib', 'es2023,esnext.disposable', '--types', 'node', '--skipLibCheck'].concat(
  readdirSync('test-d').map((file) => `test-d/${file}`),
);
// One of the maps is in the newest types of Node.
const maps = [
  '--lib',
  'es2023,esnext.disposable,dom',
  '--types',
  'node-types-newest',
  '--typeRoots',
  'node_modules',
].concat(['--skipLibCheck', 'test/types/maps/received.ts']);
const consumer = 'test/types/fixtures/consumer.ts';
const programs = {
  'type tests': typeTests,
  'type tests, strictest': [...strictest, ...typeTests],
  'ES2020 and Node': [...strictest, '--lib', 'es2020', '--types', 'node', consumer],
  // A folder without packages, so that no @types come in.
  'ES2020 and DOM': [...strictest, '--lib', 'es2020,dom', '--typeRoots', 'dist', consumer],
};

/** What does not depend on how modules are found. */
const programsOnce = { 'maps of others': [...resolutions.nodenext, ...strictest, ...maps] };

const compile = async (compiler: string, args: readonly string[]): Promise<string> => {
  // Files are given by name, which TypeScript 6 refuses beside a tsconfig.json that it is not told to ignore.
  const ignoreConfig = compiler.startsWith('typescript-5') ? [] : ['--ignoreConfig'];
  const strict = ['--noEmit', '--strict', '--target', 'es2022'];
  const tsc = `node_modules/${compiler}/bin/tsc`;
  return run(process.execPath, [tsc, ...ignoreConfig, ...strict, ...args]).then(
    () => 'ok',
    (error: { stdout: string }) => `FAILED\n${error.stdout}`,
  );
};

const check = async (compiler: string, name: string, args: readonly string[]): Promise<void> => {
  const outcome = await compile(compiler, args);
  console.log(`${compiler} · ${name}: ${outcome}`);
  if (outcome !== 'ok') process.exitCode = 1;
};

for (const compiler of compilers) {
  for (const [resolution, resolutionArgs] of Object.entries(resolutions)) {
    const checks = Object.entries(programs).map(([name, args]) =>
      check(compiler, `${resolution} · ${name}`, [...resolutionArgs, ...args]),
    );
    await Promise.all(checks);
  }
  for (const [name, args] of Object.entries(programsOnce)) await check(compiler, name, args);
}
