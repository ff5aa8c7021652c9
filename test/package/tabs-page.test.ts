import { fileURLToPath } from 'node:url';
import { createEventBus } from 'mapbus';
import { eventStream } from 'mapbus/sse';
import { type Browser, chromium, type Page } from 'playwright';
import { createServer, type ViteDevServer } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumArgs, chromiumPath } from '../../scripts/browsers.ts';
import { writeSamples } from '../../scripts/readme.ts';

const pathOf = (path: string) => fileURLToPath(new URL(path, import.meta.url));

const bus = createEventBus<{ 'order.shipped': { userId: string; orderId: string } }>();
const stream = eventStream(bus, { events: ['order.shipped'] });
let server: ViteDevServer;
let browser: Browser;

beforeAll(async () => {
  writeSamples();
  server = await createServer({
    root: pathOf('../generated'),
    cacheDir: pathOf('../generated/.vite-tabs'),
    configFile: false,
    logLevel: 'error',
    resolve: { alias: { 'mapbus/link': pathOf('../../src/link/index.ts'), mapbus: pathOf('../../src/index.ts') } },
    optimizeDeps: { include: ['uuidv7'] },
    server: { port: 0, host: '127.0.0.1' },
    plugins: [
      {
        name: 'events',
        configureServer: ({ middlewares }) => {
          middlewares.use('/events', (request, response) => stream.respondTo(request, response, () => true));
          middlewares.use('/blank', (_, response) => response.setHeader('content-type', 'text/html').end('<body>'));
          middlewares.use('/frame', (_, response) =>
            response
              .setHeader('content-type', 'text/html')
              .end('<script type="module" src="/tabs-and-workers/pay-frame.ts"></script>'),
          );
        },
      },
    ],
  });
  await server.listen();
  browser = await chromium.launch({ executablePath: chromiumPath, args: chromiumArgs });
}, 60_000);

afterAll(async () => {
  await browser.close();
  stream.close();
  await server.close();
});

const port = () => Number(new URL(server.resolvedUrls?.local[0] ?? '').port);

const openPage = async (context?: Awaited<ReturnType<Browser['newContext']>>): Promise<Page> => {
  const page = await (context ?? browser).newPage();
  await page.goto(`http://localhost:${port()}/blank`);
  return page;
};

/** Runs code that loads samples. As a string, since vitest would replace the imports. */
const run = (page: Page, code: string) =>
  page.evaluate(`(async () => { const load = (name) => import('/tabs-and-workers/' + name); ${code} })()`);

describe('the samples of docs/tabs-and-workers.md, in a page', () => {
  it('get the sum from a worker', async () => {
    const page = await openPage();

    expect(await run(page, `return (await load('page-with-worker.ts')).sumOf([1, 2, 3]);`)).toBe(6);
  }, 60_000);

  it('pay in a frame of another origin', async () => {
    const page = await openPage();
    const code = `
      const { bus, offerTo } = await load('shop-page.ts');
      const frame = document.createElement('iframe');
      frame.src = 'http://127.0.0.1:${port()}/frame';
      document.body.append(frame);
      offerTo(frame, 'http://127.0.0.1:${port()}');
      const paid = new Promise((resolve) => bus.subscribe('paid', resolve));
      const timer = setInterval(() => bus.publish('pay', { total: 7 }), 50);
      const payload = await paid;
      clearInterval(timer);
      return payload;`;

    expect(await run(page, code)).toEqual({ total: 7 });
  }, 60_000);

  it('hear what the server publishes', async () => {
    const page = await openPage();
    const shipped = run(
      page,
      `const { bus, source } = await load('page-with-stream.ts');
      const shipped = new Promise((resolve) => bus.subscribe('order.shipped', resolve));
      await new Promise((resolve) => source.addEventListener('open', resolve));
      document.title = 'open';
      return shipped;`,
    );
    await page.waitForFunction(() => document.title === 'open');

    await bus.publish('order.shipped', { userId: 'ada', orderId: '1' });

    expect(await shipped).toEqual({ userId: 'ada', orderId: '1' });
    await page.close();
  }, 60_000);

  it('have one stream for seven tabs, and ask for what was missed after the back button', async () => {
    const context = await browser.newContext();
    const pages: Page[] = [];
    for (let tab = 0; tab < 7; tab++) pages.push(await openPage(context));
    const open = () => stream.openCount();
    const before = open();
    for (const page of pages) {
      await run(
        page,
        `const { bus } = await load('one-stream.ts');
        await load('back.ts');
        await load('hot.ts');
        globalThis.seen = [];
        bus.subscribe('order.shipped', ({ orderId }) => seen.push(orderId));
        bus.subscribe('orders.stale', () => seen.push('stale'));`,
      );
    }
    await expect.poll(open, { timeout: 10_000 }).toBe(before + 1);

    await bus.publish('order.shipped', { userId: 'ada', orderId: '2' });

    for (const page of pages) await page.waitForFunction(`seen.includes('2')`);
    expect(open()).toBe(before + 1);
    const [, second] = pages;
    await second?.evaluate(`dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))`);
    await second?.waitForFunction(`seen.at(-1) === 'stale'`);
    await context.close();
  }, 120_000);

  it('need that lock: of seven streams of a browser, the seventh waits for the end of another', async () => {
    const page = await openPage(await browser.newContext());
    const before = stream.openCount();
    await page.evaluate(() => {
      const sources = Array.from({ length: 7 }, () => new EventSource('/events'));
      Object.assign(globalThis, { sources });
    });
    const opened = () => page.evaluate('sources.filter(({ readyState }) => readyState === EventSource.OPEN).length');
    await expect.poll(opened, { timeout: 10_000 }).toBe(6);
    expect(stream.openCount()).toBe(before + 6);

    await page.evaluate('sources.find(({ readyState }) => readyState === EventSource.OPEN).close()');

    await expect.poll(() => page.evaluate('sources.at(-1).readyState'), { timeout: 10_000 }).toBe(1);
    await page.context().close();
  }, 60_000);
});
