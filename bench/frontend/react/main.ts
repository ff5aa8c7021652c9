// Compares the hooks with what pages use in their place: renders, time, lines and bytes. Everything in one run in Chromium.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync } from 'node:zlib';
import { build } from 'esbuild';
import { chromium, type Page } from 'playwright';
import { chromiumArgs, chromiumPath } from '../../../scripts/browsers.ts';
import { versionOf } from '../../versions.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '../../..');
const shops = { mapbus: join(root, 'examples/shop-front'), 'zustand and mitt': join(here, 'zustand-mitt') };

const sources = { mapbus: join(root, 'dist/index.js'), 'mapbus/react': join(root, 'dist/react.js') };
// One React for the hooks, which find it in the folder of the project, and for the peers.
const ownReact = { react: join(root, 'node_modules/react'), 'react-dom': join(root, 'node_modules/react-dom') };

/** @param entry the path of a module, or the text of one */
const bundle = async (entry: string | { readonly text: string }, external: readonly string[] = []) => {
  const { outputFiles } = await build({
    ...(typeof entry === 'string'
      ? { entryPoints: [entry] }
      : { stdin: { contents: entry.text, resolveDir: here, loader: 'tsx' } }),
    bundle: true,
    minify: true,
    write: false,
    format: external.length > 0 ? 'esm' : 'iife',
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"production"' },
    alias: { ...(external.length === 0 && ownReact), ...sources },
    external: [...external],
  });
  return outputFiles[0]?.text ?? '';
};

const filesOf = (folder: string) =>
  readdirSync(folder).filter((file) => /\.tsx?$/.test(file) && file !== 'vite.config.ts');

/** Without empty lines and comments. */
const linesOf = (folder: string) =>
  filesOf(folder)
    .flatMap((file) => readFileSync(join(folder, file), 'utf8').split('\n'))
    .filter((line) => !/^\s*(\/\/|\/\*\*.*\*\/$|$)/.test(line));

const REACT = ['react', 'react/jsx-runtime', 'react-dom', 'react-dom/client'];

const sessionIn = (folder: string) => `
  import { CartView } from ${JSON.stringify(join(folder, 'cart.tsx'))};
  import { Products } from ${JSON.stringify(join(folder, 'products.tsx'))};
  import { Toasts } from ${JSON.stringify(join(folder, 'toasts.tsx'))};
  import { dataLayer } from ${JSON.stringify(join(folder, 'analytics.ts'))};
  import { runSession } from './session.tsx';
  globalThis.runInShop = () => ({ ...runSession({ products: Products, cart: CartView, toasts: Toasts }), tracked: dataLayer.length });`;

const describeShop = async (page: Page, folder: string) => {
  const lines = linesOf(folder);
  const code = await bundle(join(folder, 'main.tsx'), REACT);
  await page.reload();
  await page.addScriptTag({ content: await bundle({ text: sessionIn(folder) }) });
  const session = (await page.evaluate('runInShop()')) as Session;
  return {
    lines: lines.length,
    characters: lines.map((line) => line.trim()).join('').length,
    bytes: brotliCompressSync(code).length,
    ...session,
  };
};

interface Session {
  readonly renders: Record<string, number>;
  readonly total: string;
  readonly tracked: number;
}

interface Measured {
  readonly name: string;
  readonly ms: number;
  readonly lowest: number;
  readonly renders: number;
}

const tableOf = (results: readonly Measured[]) => [
  '| way | renders | ms, median | ms, lowest |',
  '|---|---|---|---|',
  ...results.map(
    ({ name, renders, ms, lowest }) => `| ${name} | ${renders} | ${ms.toFixed(1)} | ${lowest.toFixed(1)} |`,
  ),
];

// `crypto.randomUUID` is there on a local page only.
const server = createServer((_, response) => response.setHeader('content-type', 'text/html').end('<!doctype html>'));
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
const browser = await chromium.launch({ executablePath: chromiumPath, args: chromiumArgs });
const page = await browser.newPage();
await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);

const rows: string[] = [];
for (const [name, folder] of Object.entries(shops)) {
  const { lines, characters, bytes, renders, total, tracked } = await describeShop(page, folder);
  const cells = [name, lines, characters, bytes, renders.products, renders.cart, renders.toasts, total, tracked];
  rows.push(`| ${cells.join(' | ')} |`);
}

await page.reload();
await page.addScriptTag({ content: await bundle(join(here, 'updates.tsx')) });
const updates = (await page.evaluate('measureUpdates()')) as { all: Measured[]; one: Measured[] };

const peers = ['zustand', 'mitt', 'nanostores', '@nanostores/react'].map((name) => `${name} ${versionOf(name)}`);
const versions = [`react ${versionOf('react', '../node_modules')}`, ...peers];
const text = [
  '# Components',
  '',
  `One run in Chromium ${browser.version()}, production builds, ${cpus().length} cores of ${cpus()[0]?.model.trim()} with a load of ${loadavg()[0]?.toFixed(0)}; ${versions.join(', ')}. Made by`,
  '`npm run bench:react`.',
  '',
  '## 1,000 updates that 100 components show',
  '',
  'Each update is rendered before the next one. 41 rounds, in turn. On a machine that does other work, the lowest times are',
  'the ones to compare. `useSubscribe` also keeps the handler of the last render; the effect with mitt keeps the first.',
  '',
  ...tableOf(updates.all),
  '',
  '## 1,000 updates, each for one of 100 components',
  '',
  ...tableOf(updates.one),
  '',
  '## A shop front',
  '',
  'A cart, toasts, analytics and undo. Lines and characters are without empty lines, comments and indentation. Bytes are',
  'those of the page after brotli, without React. The session adds four items, removes one and undoes two changes. Most of',
  'the bytes are the bus: failures, logs, time limits, metadata, ids.',
  '',
  '| shop with | lines | characters | bytes | renders of the products | of the cart | of the toasts | it shows | tracked |',
  '|---|---|---|---|---|---|---|---|---|',
  ...rows,
  '',
];
writeFileSync(join(here, 'RESULTS.md'), text.join('\n'));
console.log(text.join('\n'));
await browser.close();
server.close();
