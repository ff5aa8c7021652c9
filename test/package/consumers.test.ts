import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build as buildWithVite } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { npmCi } from '../../scripts/npm-ci.ts';
import { installPacked } from '../../scripts/pack.ts';
import { tryToInstall } from '../../scripts/try-to-install.ts';

const pathOf = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const toolsFolder = pathOf('scripts/consumers');
const tool = (path: string) => join(toolsFolder, 'node_modules', path);
const nextFolder = pathOf('scripts/next');
const hasTools = await tryToInstall('Jest, jsdom and ts-node', () => npmCi(toolsFolder));
const hasNext = await tryToInstall('Next', () => npmCi(nextFolder));

const folder = mkdtempSync(join(tmpdir(), 'mapbus-consumers-'));
const sources = join(folder, "a name with spaces, 100% 'ünusual' & #1");
const project = join(folder, 'project');
const packed = join(project, 'node_modules/mapbus');

beforeAll(async () => {
  const needed = [
    'package.json',
    'tsconfig.json',
    'tsup.config.ts',
    'src',
    'docs',
    'README.md',
    'CHANGELOG.md',
    'LICENSE',
  ];
  for (const path of needed) cpSync(pathOf(path), join(sources, path), { recursive: true });
  symlinkSync(pathOf('node_modules'), join(sources, 'node_modules'));
  mkdirSync(project);
  await installPacked(sources, project);
  for (const name of ['uuidv7', 'rabbitmq-client', '@platformatic', 'react', '@types']) {
    symlinkSync(pathOf(`node_modules/${name}`), join(project, 'node_modules', name));
  }
  cpSync(pathOf('test/types/fixtures/every-entry.ts'), join(project, 'every-entry.ts'));
  cpSync(pathOf('test/types/fixtures/in-jest.ts'), join(project, 'in-jest.test.ts'));
}, 180_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const execute = promisify(execFile);

/** Runs a program in the project. Gives its exit code and all that it printed. */
const run = (...args: readonly string[]) =>
  execute(process.execPath, args, { cwd: project, env: { ...process.env, NEXT_TELEMETRY_DISABLED: '1' } }).then(
    ({ stdout, stderr }) => ({ code: 0, output: stdout + stderr }),
    ({ code, stdout, stderr }) => ({ code, output: `${stdout}${stderr}` }),
  );

const compile = async (compiler: string, outDir: string) => {
  const options = ['--target', 'es2022', '--module', 'commonjs', '--strict', '--types', 'node', '--outDir', outDir];
  const { output } = await run(
    pathOf(`node_modules/${compiler}/bin/tsc`),
    ...options,
    '--esModuleInterop',
    'every-entry.ts',
  );
  // What the clients' own types do wrong is not for this package to mend.
  return output.split('\n').filter((line) => line.includes('error TS') && !/@platformatic|rabbitmq-client/.test(line));
};

describe('the package, as npm packs it', () => {
  it('is built before, also in a folder whose name has spaces and special characters', () => {
    expect(readdirSync(sources)).toContain('dist');
    expect(readdirSync(packed).sort()).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'dist',
      'docs',
      'package.json',
    ]);
  });

  // With `module: commonjs`, TypeScript 5 does not read `exports`. It finds the types of an entry by `typesVersions`.
  it.each(['typescript-5.4', 'typescript-5.9', 'typescript', 'typescript-7.0'])(
    'has types for every entry where %s compiles to CommonJS, and runs there',
    async (compiler) => {
      expect(await compile(compiler, compiler)).toEqual([]);
      expect(await run(join(compiler, 'every-entry.js'))).toEqual({ code: 0, output: 'ok\n' });
    },
    120_000,
  );
});

describe.each(hasTools ? ['module: commonjs'] : [])('the package in a project with %s', () => {
  const compilerOptions = {
    target: 'es2022',
    module: 'commonjs',
    strict: true,
    esModuleInterop: true,
    skipLibCheck: true,
    types: ['node'],
  };

  it('can be imported in Jest with jsdom, where ts-jest checks its types', async () => {
    const config = {
      rootDir: project,
      testEnvironment: tool('jest-environment-jsdom'),
      transform: { '\\.ts$': [tool('ts-jest'), { tsconfig: compilerOptions }] },
      cacheDirectory: join(folder, 'jest'),
    };
    const args = ['--config', JSON.stringify(config), '--watchman=false', '--colors=false'];
    const result = await run(tool('jest/bin/jest.js'), ...args);

    expect(result).toEqual({ code: 0, output: expect.stringContaining('1 passed, 1 total') });
  }, 120_000);

  it('can be imported where ts-node checks its types', async () => {
    const options = { compilerOptions, 'ts-node': { compiler: tool('typescript') } };
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify(options));

    expect(await run(tool('ts-node/dist/bin.js'), 'every-entry.ts')).toEqual({ code: 0, output: 'ok\n' });
  }, 120_000);
});

describe('the package in a page', () => {
  it('is bundled by Vite', async () => {
    const page = join(folder, 'page');
    mkdirSync(page);
    symlinkSync(join(project, 'node_modules'), join(page, 'node_modules'));
    writeFileSync(join(page, 'index.html'), '<script type="module" src="./main.ts"></script>');
    writeFileSync(
      join(page, 'main.ts'),
      `import { createEventBus } from 'mapbus';
      import { link } from 'mapbus/link';
      const bus = createEventBus<{ ping: string }>();
      link(bus, { postMessage: (message) => console.log(JSON.stringify(message).includes('ping')) }, { send: ['ping'] });
      void bus.publish('ping', 'hello');`,
    );
    const build = { modulePreload: false, rollupOptions: { output: { entryFileNames: 'main.js' } } };
    await buildWithVite({ root: page, configFile: false, logLevel: 'error', build });

    expect(await run(join(page, 'dist/main.js'))).toEqual({ code: 0, output: 'true\n' });
  }, 60_000);

  it.runIf(hasNext)(
    'is built by Next, checked and rendered on the server',
    async () => {
      const site = join(folder, 'next');
      cpSync(pathOf('test/package/next'), site, { recursive: true });
      const modules = join(site, 'node_modules');
      mkdirSync(modules);
      for (const name of ['next', 'react', 'react-dom', 'typescript', '@types', '@swc'])
        symlinkSync(join(nextFolder, 'node_modules', name), join(modules, name));
      for (const name of ['mapbus', 'uuidv7']) symlinkSync(join(project, 'node_modules', name), join(modules, name));
      writeFileSync(join(site, 'package.json'), '{ "type": "module" }');
      // The packages are links to folders outside of the site.
      writeFileSync(join(site, 'next.config.mjs'), `export default { turbopack: { root: '/' } };`);
      const next = join(nextFolder, 'node_modules/next/dist/bin/next');
      const { output, code } = await run(next, 'build', site);

      expect({ output, code }).toMatchObject({ code: 0 });
      expect(readFileSync(join(site, '.next/server/app/index.html'), 'utf8')).toContain('3 in the cart, 0 changes');
    },
    300_000,
  );
});
