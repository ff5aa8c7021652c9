// Publishes in one tab while none, one and two others listen, and goes to another tab and back. In one run in Chromium.
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { chromium } from 'playwright';
import { chromiumArgs, chromiumPath } from '../../../scripts/browsers.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '../../..');

const { outputFiles } = await build({
  entryPoints: [join(here, 'page.ts')],
  bundle: true,
  minify: true,
  write: false,
  target: 'es2022',
  logLevel: 'error',
  alias: { mapbus: join(root, 'dist/index.js'), 'mapbus/link': join(root, 'dist/link.js') },
});
const script = outputFiles[0]?.text ?? '';

const server = createServer((_, response) =>
  response.setHeader('content-type', 'text/html').end(`<script>${script}</script>`),
);
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const url = `http://localhost:${(server.address() as AddressInfo).port}/`;
const browser = await chromium.launch({ executablePath: chromiumPath, args: chromiumArgs });
const context = await browser.newContext();

const open = async (run?: 'listen' | 'receive') => {
  const page = await context.newPage();
  await page.goto(url);
  if (run) await page.evaluate(`tab.${run}()`);
  return page;
};

type Row = Record<string, number>;
const RUNS = 5;
const best = (rows: readonly Row[], choose: (...values: number[]) => number): Row =>
  Object.fromEntries(Object.keys(rows[0] ?? {}).map((name) => [name, choose(...rows.map((row) => row[name] ?? 0))]));

try {
  const page = await open();
  const rates: Row[] = [];
  for (let listening = 0; listening <= 2; listening++) {
    if (listening > 0) await open('receive');
    const rows: Row[] = [];
    for (let run = 0; run < RUNS; run++) rows.push((await page.evaluate('tab.rates()')) as Row);
    rates.push(best(rows, Math.max));
  }
  await open('listen');
  const trips: Row[] = [];
  for (let run = 0; run < RUNS; run++) trips.push((await page.evaluate('tab.roundTrips()')) as Row);
  const trip = best(trips, Math.min);

  const names = Object.keys(rates[0] ?? {});
  const lines = names.map(
    (name) => `| ${name} | ${rates.map((row) => (row[name] ?? 0).toLocaleString('en-US')).join(' | ')} |`,
  );
  const tripLines = Object.entries(trip).map(([name, ms]) => `| ${name} | ${ms.toFixed(2)} |`);
  const text = `# Links between tabs

Chromium ${browser.version()}, ${cpus().length} × ${cpus()[0]?.model}. The load of the machine was ${loadavg()[0]?.toFixed(0)} at the end. The best of ${RUNS} runs of 20,000 events of 150 bytes.

| publishes per second, in the tab that publishes | 0 tabs listen | 1 tab | 2 tabs |
|---|---|---|---|
${lines.join('\n')}

A link posts a CloudEvent of eight members with an id and a time; the bare channel posts an object of three members.

| to another tab and back | ms, median of 300, the best of ${RUNS} runs |
|---|---|
${tripLines.join('\n')}

Run \`npm run bench:tabs\`.
`;
  writeFileSync(join(here, 'RESULTS.md'), text);
  console.log(text);
} finally {
  await browser.close();
  server.close();
}
