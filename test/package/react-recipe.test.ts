import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright';
import { createServer } from 'vite';
import { expect, it } from 'vitest';
import { chromiumArgs, chromiumPath } from '../../scripts/browsers.ts';
import { writeSamples } from '../../scripts/readme.ts';
import { aliasTo } from '../../vitest.alias.ts';

const pathOf = (path: string) => fileURLToPath(new URL(path, import.meta.url));

const samples = writeSamples().filter((path) => /\/line-\d+\.tsx$/.test(path));

it.each(samples)(
  'the sample %s shows what is true in a page',
  async (path) => {
    const server = await createServer({
      root: pathOf('../generated'),
      cacheDir: pathOf('../generated/.vite'),
      configFile: false,
      logLevel: 'error',
      resolve: { alias: [...aliasTo('src'), { find: /^vitest$/, replacement: pathOf('expect-in-page.ts') }] },
      // Found in a page that runs already, they would reload it.
      optimizeDeps: { include: ['react', 'react-dom/client', 'react-dom/server', 'react/jsx-dev-runtime', 'uuidv7'] },
      server: { port: 0 },
    });
    const browser = await chromium.launch({ executablePath: chromiumPath, args: chromiumArgs });
    try {
      await server.listen();
      const page = await browser.newPage();
      // Any file of the server: what counts is where it comes from.
      await page.goto(`${server.resolvedUrls?.local[0]}${path}`);
      // As a string, since vitest would replace the import.
      await page.evaluate(`globalThis.IS_REACT_ACT_ENVIRONMENT = true; import('/${path}').then(() => {})`);

      expect(await page.locator('output').count()).toBe(1);
    } finally {
      await browser.close();
      await server.close();
    }
  },
  30_000,
);
