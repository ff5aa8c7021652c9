// Runs test/runtimes/behaviour.ts against the packed package, as ES modules and as CommonJS, on every runtime there is,
// and prints the table of the README. A runtime that does not run here is named, and is a failure when CI is set.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Format } from 'esbuild';
import { type BrowserType, chromium, firefox } from 'playwright';
import { chromiumArgs, chromiumPath, ensureChromium, ensureFirefox, firefoxPath } from '../browsers.ts';
import { npmCi } from '../npm-ci.ts';
import { installPacked } from '../pack.ts';
import { tryToInstall } from '../try-to-install.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'mapbus-runtimes-'));
const runtimePath = (name: string) => join(here, 'node_modules', name);

const formats = { ESM: 'esm', CommonJS: 'cjs' } as const;
type FormatName = keyof typeof formats;

/** What a program of a runtime prints. */
interface Report {
  readonly failures: readonly string[];
  readonly asyncDispose: boolean;
  readonly asyncLocalStorage: boolean;
}

interface Runtime {
  readonly name: string;
  readonly version: () => Promise<string>;
  readonly run: (format: FormatName) => Promise<Report>;
}

const run = (command: string, args: readonly string[]) =>
  execFileSync(command, args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], timeout: 60_000 });

const unpack = async () => {
  // The caller has built it.
  await installPacked(root, folder, '--ignore-scripts');
  symlinkSync(join(root, 'node_modules/uuidv7'), join(folder, 'node_modules/uuidv7'));
  // Deno takes bare names only from the dependencies of a package.
  writeFileSync(join(folder, 'package.json'), '{ "dependencies": { "mapbus": "*" } }');
};

const load: Record<FormatName, string> = {
  ESM: `import * as mapbus from 'mapbus';`,
  CommonJS: `const mapbus = require('mapbus');`,
};

/** A program around the behaviours; `output` is the format that the runtime is given. */
const compile = async (format: FormatName, output: Format, end: string, external: readonly string[] = []) => {
  const contents = `${load[format]}
    import { findAsyncLocalStorage, findFailures } from ${JSON.stringify(join(root, 'test/runtimes/behaviour.ts'))};
    const createReport = async () => ({
      failures: await findFailures(mapbus),
      asyncDispose: 'asyncDispose' in Symbol,
      asyncLocalStorage: findAsyncLocalStorage() !== undefined,
    });
    ${end}`;
  const stdin = { contents, resolveDir: folder, loader: 'ts' } as const;
  const { outputFiles } = await build({ stdin, bundle: true, format: output, external: [...external], write: false });
  return outputFiles[0]?.text ?? '';
};

const commandRuntime = (name: string, command: string, args: readonly string[] = []): Runtime => ({
  name,
  version: async () => run(command, ['--version']).trim(),
  run: async (format) => {
    const file = join(folder, format === 'ESM' ? 'program.mjs' : 'program.cjs');
    const print = 'createReport().then((report) => console.log(JSON.stringify(report)));';
    writeFileSync(file, await compile(format, formats[format], print, ['mapbus']));
    return JSON.parse(run(command, [...args, file])) as Report;
  },
});

const workerd: Runtime = {
  name: 'workerd',
  version: async () => run(runtimePath('.bin/workerd'), ['--version']).trim(),
  run: async (format) => {
    const end = 'export default { test: async () => console.log(JSON.stringify(await createReport())) };';
    writeFileSync(join(folder, 'worker.js'), await compile(format, 'esm', end));
    const worker = '(modules = [(name = "worker", esModule = embed "worker.js")], compatibilityDate = "2026-01-01")';
    const config = `using Workerd = import "/workerd/workerd.capnp";
      const config :Workerd.Config = (services = [(name = "main", worker = ${worker})]);`;
    writeFileSync(join(folder, 'config.capnp'), config);
    return JSON.parse(run(runtimePath('.bin/workerd'), ['test', join(folder, 'config.capnp')])) as Report;
  },
};

const browserRuntime = (name: string, type: BrowserType, options: Parameters<BrowserType['launch']>[0]): Runtime => ({
  name,
  version: async () => {
    const browser = await type.launch(options);
    await browser.close();
    return browser.version();
  },
  run: async (format) => {
    const browser = await type.launch(options);
    const page = await browser.newPage();
    const program = await compile(format, 'iife', 'globalThis.createReport = createReport;');
    const report = await page.evaluate(`${program}\ncreateReport()`);
    await browser.close();
    return report as Report;
  },
});

const runtimes: readonly Runtime[] = [
  ...[20, 22, 24, 26].map((major) => commandRuntime(`Node ${major}`, runtimePath(`node-${major}/bin/node`))),
  commandRuntime('Bun', runtimePath('.bin/bun')),
  commandRuntime('Deno', runtimePath('.bin/deno'), ['run', '--allow-all', '--quiet', '--node-modules-dir=manual']),
  workerd,
  browserRuntime('Chromium', chromium, { executablePath: chromiumPath, args: chromiumArgs }),
  browserRuntime('Firefox', firefox, { executablePath: firefoxPath, channel: 'moz-firefox' }),
];

const tryRuntime = async ({ name, version, run: runFormat }: Runtime): Promise<string> => {
  const found = /\d+([.-]\d+)+/.exec(await version())?.[0] ?? 'unknown version';
  const cells: string[] = [];
  const lacks = new Set<string>();
  for (const format of Object.keys(formats) as FormatName[]) {
    const { failures, asyncDispose, asyncLocalStorage } = await runFormat(format);
    for (const failure of failures) console.error(`${name}, ${format}: ${failure}`);
    if (failures.length > 0) process.exitCode = 1;
    if (!asyncDispose) lacks.add('`Symbol.asyncDispose`');
    if (!asyncLocalStorage) lacks.add('`AsyncLocalStorage`');
    cells.push(failures.length === 0 ? 'yes' : 'FAILED');
  }
  return `| ${name} | ${found} | ${cells.join(' | ')} | ${[...lacks].join(', ')} |`;
};

await tryToInstall('the runtimes of scripts/runtimes', () => npmCi(here));
await ensureChromium();
await ensureFirefox();
await unpack();
console.log('| runtime | version | ESM | CommonJS | lacks |\n|---|---|---|---|---|');
for (const runtime of runtimes) {
  try {
    console.log(await tryRuntime(runtime));
  } catch (error) {
    console.error(`${runtime.name} does not run here: ${error}`);
    if (process.env.CI) process.exitCode = 1;
  }
}
rmSync(folder, { recursive: true });
