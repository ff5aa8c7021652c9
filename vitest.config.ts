import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';
import { chromiumArgs, chromiumPath } from './scripts/browsers.ts';

// The tests import the package by its name: the sources, or with TARGET=dist what is published.
const entry = process.env.TARGET === 'dist' ? 'dist/index.js' : 'src/index.ts';
const alias = { mapbus: new URL(entry, import.meta.url).pathname };

const everywhere = ['test/core/**/*.test.ts', 'test/helpers/**/*.test.ts'];

const chromium = playwright({ launchOptions: { executablePath: chromiumPath, args: chromiumArgs } });

export default defineConfig({
  test: {
    restoreMocks: true,
    projects: [
      {
        extends: true,
        resolve: { alias },
        test: { name: 'node', include: [...everywhere, 'test/node/**/*.test.ts'], execArgv: ['--expose-gc'] },
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
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      thresholds: { lines: 100, functions: 100, branches: 100, statements: 100 },
    },
  },
});
