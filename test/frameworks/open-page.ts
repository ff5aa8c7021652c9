import { fileURLToPath } from 'node:url';
import { chromium, type Page } from 'playwright';
import { createServer, type PluginOption, type ViteDevServer } from 'vite';
import { onTestFinished } from 'vitest';
import { chromiumArgs, chromiumPath } from '../../scripts/browsers.ts';
import { aliasTo } from '../../vitest.alias.ts';

const pathOf = (path: string) => fileURLToPath(new URL(path, import.meta.url));

interface ServedFolder {
  /** Its path from the root of the repository. */
  readonly folder: string;
  readonly plugins?: readonly PluginOption[];
  /** The packages that the page imports. Found in a page that runs already, they would reload it. */
  readonly packages?: readonly string[];
}

/** Serves a folder, with the sources of the package, until the test ends. */
export const serve = async ({ folder, plugins = [], packages = [] }: ServedFolder): Promise<ViteDevServer> => {
  const server = await createServer({
    root: pathOf(`../../${folder}`),
    // One for each, since the test files run at the same time.
    cacheDir: pathOf(`../../node_modules/.vite/pages/${[folder, ...packages].join('-').replaceAll(/\W+/g, '-')}`),
    configFile: false,
    logLevel: 'error',
    plugins: [...plugins],
    resolve: { alias: aliasTo(process.env.TARGET === 'dist' ? 'dist' : 'src') },
    optimizeDeps: { include: ['uuidv7', ...packages] },
    server: { port: 0, fs: { strict: false } },
  });
  onTestFinished(() => server.close());
  return server;
};

/** Opens a page of the server in Chromium, until the test ends. */
export const openPage = async (server: ViteDevServer, path = ''): Promise<Page> => {
  if (!server.httpServer?.listening) await server.listen();
  const browser = await chromium.launch({ executablePath: chromiumPath, args: chromiumArgs });
  onTestFinished(() => browser.close());
  const page = await browser.newPage();
  await page.goto(`${server.resolvedUrls?.local[0]}${path}`);
  return page;
};

/** What the function `run` of a module returns in a page. */
export const runInPage = async (server: ViteDevServer, path: string, argument?: string): Promise<unknown> => {
  // Any file of the server: what counts is where it comes from.
  const page = await openPage(server, path);
  // As a string, since vitest would replace the import.
  return page.evaluate(`import('/${path}').then(({ run }) => run(${JSON.stringify(argument)}))`);
};
