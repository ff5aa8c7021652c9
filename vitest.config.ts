import { fileURLToPath } from 'node:url';
import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';
import { chromiumArgs, chromiumPath } from './scripts/browsers.ts';

// The tests import the package by its name: the sources, or with TARGET=dist what is published.
const isDist = process.env.TARGET === 'dist';
const sources: Record<string, string> = {
  mapbus: 'index',
  'mapbus/kafka': 'kafka/index',
  'mapbus/rabbitmq': 'rabbitmq/index',
  'mapbus/testing': 'testing/index',
  'mapbus/transport': 'service/index',
  'mapbus/url': 'url/index',
};
const pathOf = (name: string, source: string) =>
  fileURLToPath(new URL(isDist ? `dist/${name.split('/')[1] ?? 'index'}.js` : `src/${source}.ts`, import.meta.url));
const alias = Object.entries(sources).map(([name, source]) => ({
  find: new RegExp(`^${name}$`),
  replacement: pathOf(name, source),
}));

// What needs Node is in folders of that name.
const everywhere = ['test/bus/*.test.ts', 'test/testing/**/*.test.ts'];

const chromium = playwright({ launchOptions: { executablePath: chromiumPath, args: chromiumArgs } });

export default defineConfig({
  test: {
    restoreMocks: true,
    // A broker that cannot be had leaves files without tests; in CI it is a failure, as is such a file.
    passWithNoTests: !process.env.CI,
    projects: [
      {
        extends: true,
        resolve: { alias },
        test: {
          name: 'node',
          include: [...everywhere, 'test/bus/node/*.test.ts', 'test/{package,service}/**/*.test.ts'],
          execArgv: ['--expose-gc'],
        },
      },
      {
        extends: true,
        resolve: { alias },
        test: {
          name: 'brokers',
          include: ['test/{brokers,interop}/**/*.test.ts'],
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        resolve: { alias },
        test: {
          name: 'faults',
          include: ['test/faults/**/*.test.ts'],
          testTimeout: 900_000,
          maxWorkers: 2,
          execArgv: ['--expose-gc'],
          // After the others, whose brokers it kills.
          sequence: { groupOrder: 2 },
        },
      },
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
    ],
    // The transports and what only they use are tested on brokers, where processes die: that counts no lines.
    coverage: {
      provider: 'v8',
      include: ['src/{bus,shared,testing}/**/*.ts'],
      thresholds: { lines: 100, functions: 100, branches: 100, statements: 100 },
    },
  },
});
