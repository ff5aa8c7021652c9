import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';
import { chromiumArgs, chromiumPath } from './scripts/browsers.ts';

// The tests import the package by its name: the sources, or with TARGET=dist what is published.
const isDist = process.env.TARGET === 'dist';
const door = (name: string) => new URL(isDist ? `dist/${name}.js` : `src/${name}.ts`, import.meta.url).pathname;
const find = (name: string, file: string) => ({ find: new RegExp(`^${name}$`), replacement: door(file) });
const alias = [
  find('mapbus', 'index'),
  find('mapbus/transport', isDist ? 'transport' : 'transport/index'),
  find('mapbus/kafka', isDist ? 'kafka' : 'transports/kafka/index'),
  find('mapbus/rabbitmq', isDist ? 'rabbitmq' : 'transports/rabbitmq/index'),
  find('mapbus/url', isDist ? 'url' : 'transports/url/index'),
  find('mapbus/testing', isDist ? 'testing' : 'testing/index'),
];

const everywhere = ['test/core/**/*.test.ts', 'test/helpers/**/*.test.ts', 'test/testing/**/*.test.ts'];

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
          include: [...everywhere, 'test/{node,transport}/**/*.test.ts'],
          execArgv: ['--expose-gc'],
        },
      },
      {
        extends: true,
        resolve: { alias },
        test: {
          name: 'brokers',
          include: ['test/{transports,interop}/**/*.test.ts'],
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
      include: ['src/{base,core,helpers}/**/*.ts'],
      thresholds: { lines: 100, functions: 100, branches: 100, statements: 100 },
    },
  },
});
