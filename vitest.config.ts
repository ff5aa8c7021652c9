import { existsSync } from 'node:fs';
import { playwright } from '@vitest/browser-playwright';
import { defineConfig, type TestProjectConfiguration } from 'vitest/config';
import { chromiumArgs, chromiumPath } from './scripts/browsers.ts';
import { aliasTo } from './vitest.alias.ts';

const isDist = process.env.TARGET === 'dist';
const alias = aliasTo(isDist ? 'dist' : 'src');

// What needs Node is in folders of that name.
const everywhere = ['test/{bus,shared}/*.test.ts', 'test/testing/*.test.ts'];
const needChromium = ['test/package/browser-example.test.ts', 'test/package/react-recipe.test.ts'];
// They pack the package itself, or compile its types: the same for the sources and for what was built.
const onlyOnce = ['consumers', 'type-cost', 'type-errors', 'received'].map((name) => `test/package/${name}.test.ts`);

// scripts/browsers.ts names the browser that is missing. In CI it is a failure.
const hasChromium = existsSync(chromiumPath) || Boolean(process.env.CI);
const chromium = playwright({ launchOptions: { executablePath: chromiumPath, args: chromiumArgs } });
const browsers: TestProjectConfiguration[] = [
  {
    extends: true,
    resolve: { alias },
    optimizeDeps: { include: ['uuidv7', 'fast-check'] },
    test: {
      name: 'chromium',
      include: everywhere,
      browser: {
        enabled: true,
        headless: true,
        screenshotFailures: false,
        provider: chromium,
        instances: [{ browser: 'chromium' }],
      },
    },
  },
];

export default defineConfig({
  test: {
    restoreMocks: true,
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
            'test/{bus,testing}/node/*.test.ts',
            'test/postgres/*.test.ts',
            'test/{package,service,url}/**/*.test.ts',
          ],
          exclude: [...(hasChromium ? [] : needChromium), ...(isDist ? onlyOnce : [])],
          execArgv: ['--expose-gc'],
        },
      },
      {
        extends: true,
        resolve: { alias },
        test: {
          name: 'brokers',
          include: ['test/{brokers,interop}/**/*.test.ts', 'test/postgres/server/*.test.ts'],
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        resolve: { alias },
        test: {
          name: 'faults',
          include: ['test/faults/**/*.test.ts', 'test/postgres/faults/*.test.ts'],
          testTimeout: 900_000,
          maxWorkers: 2,
          execArgv: ['--expose-gc'],
          // After the others, whose brokers it kills.
          sequence: { groupOrder: 2 },
        },
      },
      ...(hasChromium ? browsers : []),
    ],
    // The transports are tested on brokers, in processes that are killed. Those report no coverage.
    coverage: {
      provider: 'v8',
      include: ['src/{bus,service,shared,testing}/**/*.ts'],
      thresholds: {
        'src/{bus,shared}/**': { 100: true },
        'src/service/**': { lines: 99, functions: 99, branches: 99, statements: 99 },
        'src/testing/record-events.ts': { 100: true },
        // Some checks of the transport contract run on brokers only.
        'src/testing/**': { lines: 100, functions: 100, branches: 98, statements: 99 },
      },
    },
  },
});
