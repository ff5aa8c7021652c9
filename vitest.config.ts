import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { playwright } from '@vitest/browser-playwright';
import { defineConfig, type TestProjectConfiguration } from 'vitest/config';
import { chromiumArgs, chromiumPath, firefoxPath } from './scripts/browsers.ts';
import { miniBrowserPath } from './scripts/webkit.ts';
import { isFullSize } from './test/faults/scale.ts';
import { aliasTo } from './vitest.alias.ts';
import { webkit } from './vitest.webkit.ts';

const isDist = process.env.TARGET === 'dist';
const alias = aliasTo(isDist ? 'dist' : 'src');

// What needs Node is in folders of that name.
const everywhere = ['test/{bus,shared,link,sse}/*.test.ts', 'test/testing/*.test.ts'];
const needChromium = [
  ...['browser-example', 'live-shop', 'react-recipe', 'shop-front', 'tabs-page'].map(
    (name) => `test/package/${name}.test.ts`,
  ),
  ...['frameworks', 'hot-reload', 'react-compiler', 'react-memory', 'servers'].map(
    (name) => `test/frameworks/${name}.test.ts`,
  ),
];
// They pack the package itself, or compile its types or its sources: the same for the sources and for what was built.
const compiling = [
  ...[
    ...['browser-example', 'consumers', 'live-shop', 'react-recipe', 'readme', 'received', 'sizes'],
    ...['shop-front', 'tabs-page', 'type-cost', 'type-errors'],
  ].map((name) => `test/package/${name}.test.ts`),
  'test/frameworks/*.test.ts',
];
const inEngines = 'test/link/node/engines.test.ts';
const sleeping = 'test/link/node/sleeping.test.ts';
// What they take minutes for is in the logic, and the built code has the same.
const onlyOnce = [sleeping, 'test/testing/node/contract-broken.test.ts', 'test/postgres/claims.test.ts'];

// scripts/browsers.ts names the browser that is missing. In CI it is a failure.
const hasChromium = existsSync(chromiumPath) || Boolean(process.env.CI);
const hasFirefox = existsSync(firefoxPath) || Boolean(process.env.CI);
const hasWebKit = existsSync(miniBrowserPath) || Boolean(process.env.CI);
// Found in a page that runs already, they would reload it.
const react = ['react', 'react/jsx-dev-runtime', 'react-dom', 'react-dom/client', 'react-dom/server'];
const chromium = playwright({ launchOptions: { executablePath: chromiumPath, args: chromiumArgs } });
const inReact18 = ['react', 'react-dom'].map((name) => ({
  find: new RegExp(`^${name}(?=$|/)`),
  replacement: fileURLToPath(new URL(`scripts/consumers/node_modules/${name}`, import.meta.url)),
}));
const inBrowser = (provider: typeof chromium, browser: 'chromium' | 'firefox' | 'webkit') => ({
  enabled: true,
  headless: true,
  screenshotFailures: false,
  provider,
  instances: [{ browser }],
});
const browsers: TestProjectConfiguration[] = [
  {
    extends: true,
    resolve: { alias },
    optimizeDeps: { include: ['uuidv7', 'fast-check', ...react] },
    test: {
      name: 'chromium',
      include: [...everywhere, 'test/react/*.test.tsx'],
      browser: inBrowser(chromium, 'chromium'),
    },
  },
  {
    extends: true,
    resolve: { alias: [...alias, ...inReact18] },
    optimizeDeps: { include: ['uuidv7', ...react] },
    test: {
      name: 'react-18',
      include: ['test/react/*.test.tsx'],
      // React 18 has no `Activity`.
      exclude: ['test/react/activity.test.tsx'],
      globalSetup: 'test/react/install-react-18.ts',
      browser: inBrowser(chromium, 'chromium'),
    },
  },
];
const firefox = playwright({ launchOptions: { channel: 'moz-firefox', executablePath: firefoxPath } });
/** What pages import, in an engine beside Chromium. */
const inEngine = (name: 'firefox' | 'webkit', provider: typeof chromium): TestProjectConfiguration => ({
  extends: true,
  resolve: { alias },
  optimizeDeps: { include: ['uuidv7', ...react] },
  // WebKitGTK does not know `using` yet.
  oxc: { target: 'es2022' },
  test: {
    name,
    include: ['test/bus/latest-of.test.ts', 'test/react/*.test.tsx'],
    browser: inBrowser(provider, name),
  },
});

/** The tests of a broker or a database that runs. */
interface ServiceTests {
  readonly tests: string;
  /** They start programs: the command line, the example of a shop, clients in Python. */
  readonly programs: string[];
  /** They kill it. */
  readonly faults: string;
}

/** Each kind of tests in a project of its own: first those that share the service, then those that kill it. */
const onService = (
  name: 'rabbitmq' | 'kafka' | 'postgres',
  { tests, programs, faults }: ServiceTests,
): TestProjectConfiguration[] => {
  const sharing = {
    env: { BROKER: name },
    fileParallelism: false,
    execArgv: ['--expose-gc'],
    sequence: { groupOrder: 1 },
  };
  const killing = { testTimeout: 900_000, maxWorkers: 2, execArgv: ['--expose-gc'], sequence: { groupOrder: 2 } };
  return [
    { extends: true, resolve: { alias }, test: { name, include: [tests], ...sharing } },
    { extends: true, resolve: { alias }, test: { name: `${name}-programs`, include: programs, ...sharing } },
    { extends: true, resolve: { alias }, test: { name: `${name}-faults`, include: [faults], ...killing } },
  ];
};
/** The command line, the rights that its commands need, and the example of a shop. */
const programsOn = (name: string) => ['test/brokers/cli/*.test.ts', `test/brokers/{rights,shop}/${name}.test.ts`];

export default defineConfig({
  test: {
    restoreMocks: true,
    // Two or three parts of the tests run at a time, on two cores. Some pack the package, or wait for a broker.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 10_000 } },
    // A broker that cannot be installed leaves files without tests. In CI, that and such a file are failures.
    passWithNoTests: !process.env.CI,
    projects: [
      {
        extends: true,
        resolve: { alias },
        test: {
          name: 'node',
          include: [
            ...everywhere,
            'test/{bus,react,testing,link,sse}/node/*.test.{ts,tsx}',
            'test/postgres/*.test.ts',
            'test/{cli,package,service,url}/**/*.test.ts',
          ],
          exclude: [...compiling, inEngines, ...(hasChromium ? [] : [sleeping]), ...(isDist ? onlyOnce : [])],
          execArgv: ['--expose-gc'],
        },
      },
      {
        extends: true,
        resolve: { alias },
        test: {
          name: 'package',
          include: compiling,
          exclude: hasChromium ? [] : needChromium,
          execArgv: ['--expose-gc'],
        },
      },
      { extends: true, resolve: { alias }, test: { name: 'engines', include: [inEngines] } },
      ...onService('rabbitmq', {
        tests: 'test/brokers/rabbitmq/*.test.ts',
        // The one for Prometheus needs Python, which is installed for its neighbours.
        programs: [...programsOn('rabbitmq'), 'test/interop/{rabbitmq,prometheus}.test.ts'],
        faults: 'test/faults/rabbitmq.test.ts',
      }),
      ...onService('kafka', {
        tests: 'test/brokers/kafka/*.test.ts',
        programs: [...programsOn('kafka'), 'test/interop/kafka.test.ts'],
        faults: isFullSize ? 'test/faults/kafka*.test.ts' : 'test/faults/kafka.test.ts',
      }),
      ...onService('postgres', {
        tests: 'test/postgres/server/*.test.ts',
        programs: programsOn('postgres'),
        faults: 'test/postgres/faults/*.test.ts',
      }),
      {
        extends: true,
        resolve: { alias },
        test: {
          name: 'postgres-others',
          include: ['test/postgres/others/*.test.ts'],
          fileParallelism: false,
        },
      },
      ...(hasChromium ? browsers : []),
      ...(hasFirefox ? [inEngine('firefox', firefox)] : []),
      ...(hasWebKit ? [inEngine('webkit', webkit())] : []),
    ],
    // The transports are tested on brokers, in processes that are killed. Those report no coverage.
    coverage: {
      provider: 'v8',
      include: ['src/{bus,link,react,service,shared,sse,testing}/**/*.ts'],
      thresholds: {
        'src/{bus,react,shared}/**': { 100: true },
        'src/service/**': { lines: 99, functions: 99, branches: 99, statements: 99 },
        'src/testing/record-events.ts': { 100: true },
        // Some checks of the transport contract run on brokers only.
        'src/testing/**': { lines: 100, functions: 100, branches: 98, statements: 99 },
      },
    },
  },
});
