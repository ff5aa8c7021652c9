// Pages and workers that Chromium puts to sleep or stops, and wakes up or starts again.
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { chromiumArgs, chromiumPath } from '../../../scripts/browsers.ts';
import { serve } from '../engines/server.ts';
import { createTabs } from './hidden-tab.ts';

const pathOf = (path: string) => fileURLToPath(new URL(path, import.meta.url));

let browser: Browser;
let server: Awaited<ReturnType<typeof serve>>;
let script: string;

beforeAll(async () => {
  const { outputFiles } = await build({
    stdin: {
      contents: `import { createEventBus, eventsOf } from 'mapbus'; import { link } from 'mapbus/link';
        Object.assign(globalThis, { createEventBus, eventsOf, link });`,
      resolveDir: pathOf('.'),
    },
    bundle: true,
    write: false,
    alias: { mapbus: pathOf('../../../src/index.ts'), 'mapbus/link': pathOf('../../../src/link/index.ts') },
  });
  script = outputFiles[0]?.text ?? '';
  server = await serve(() => {});
  browser = await chromium.launch({
    executablePath: chromiumPath,
    args: chromiumArgs,
    ignoreDefaultArgs: ['--disable-back-forward-cache'],
  });
}, 60_000);
afterAll(async () => {
  await browser.close();
  server.close();
});

const openContext = async (): Promise<BrowserContext> => {
  const context = await browser.newContext();
  onTestFinished(() => context.close());
  return context;
};

/** A bus that is linked to those of the other tabs. The page notes what it hears, and when it sleeps. */
const watching = `
  globalThis.seen = [];
  globalThis.bus = createEventBus();
  bus.subscribe('ping', ({ value }) => void seen.push(value));
  link(bus, new BroadcastChannel('tabs'), { send: ['ping'], receive: ['ping'] });
  for (const name of ['freeze', 'resume']) document.addEventListener(name, () => seen.push(name));
  addEventListener('pageshow', ({ persisted }) => seen.push(persisted ? 'back' : 'loaded'));`;

const openTab = async (context: BrowserContext): Promise<Page> => {
  const page = await context.newPage();
  await page.addInitScript(`${script}${watching}`);
  await page.goto(`http://localhost:${server.port}/peer`);
  await page.waitForFunction(`seen.includes('loaded')`);
  return page;
};
const publishing = (values: readonly number[]) =>
  `(async () => { for (const value of ${JSON.stringify(values)}) await bus.publish('ping', { value }); })()`;
const publish = (page: Page, ...values: readonly number[]) => page.evaluate(publishing(values));
const seen = (page: Page) => page.evaluate('seen');

describe('a link in Chromium', () => {
  it('tells a frozen tab in order what is published meanwhile', async () => {
    const tabs = await createTabs(browser);
    onTestFinished(async () => void (await tabs.close()));
    const open = async () => {
      const url = `http://localhost:${server.port}/peer`;
      const tab = await tabs.open(url);
      // A new tab shows an empty document first, which is complete as well.
      await expect.poll(() => tab.evaluate('[location.href, document.readyState]')).toEqual([url, 'complete']);
      await tab.evaluate(`${script}${watching}`);
      return tab;
    };
    const [there, here] = [await open(), await open()];
    await expect.poll(() => there.evaluate('document.visibilityState')).toBe('hidden');
    await here.evaluate(publishing([0]));
    await expect.poll(() => there.evaluate('seen')).toEqual([0]);

    await there.setState('frozen');
    const values = Array.from({ length: 100 }, (_, index) => index + 1);
    await here.evaluate(publishing(values));
    await there.setState('active');

    await expect.poll(() => there.evaluate('seen.length'), { timeout: 15_000 }).toBe(103);
    const heard = (await there.evaluate('seen')) as unknown[];
    // Chromium stops the timers of a frozen tab, and not its messages.
    expect(heard.filter((each) => typeof each === 'string')).toEqual(['freeze', 'resume']);
    expect(heard.filter((each) => typeof each === 'number')).toEqual([0, ...values]);
  }, 60_000);

  it('goes on in a page that comes back by the back button', async () => {
    const context = await openContext();
    const [here, there] = [await openTab(context), await openTab(context)];
    await publish(here, 1);
    await there.waitForFunction(`seen.at(-1) === 1`);

    await there.goto(`http://localhost:${server.port}/peer?elsewhere`);
    await there.goBack({ waitUntil: 'commit' });
    await there.waitForFunction(`seen.includes('back')`);
    await publish(here, 2);
    await there.waitForFunction(`seen.at(-1) === 2`);
    await publish(there, 3);
    await here.waitForFunction(`seen.at(-1) === 3`);

    // The same page, with the same link.
    expect(await seen(there)).toEqual(['loaded', 1, 'freeze', 'resume', 'back', 2, 3]);
  }, 60_000);

  it('lets the browser load a page again that missed an event while another one was shown', async () => {
    const context = await openContext();
    const [here, there] = [await openTab(context), await openTab(context)];
    await publish(here, 1);
    await there.waitForFunction(`seen.at(-1) === 1`);

    await there.goto(`http://localhost:${server.port}/peer?elsewhere`);
    await publish(here, 2);
    await there.goBack({ waitUntil: 'commit' });
    await there.waitForFunction(`seen.includes('loaded') || seen.includes('back')`);

    expect(await seen(there)).toEqual(['loaded']);
    await publish(here, 3);
    await there.waitForFunction(`seen.at(-1) === 3`);
  }, 60_000);

  it('starts a service worker again that was stopped', async () => {
    const page = await (await openContext()).newPage();
    await page.goto(`http://localhost:${server.port}/peer`);
    await page.addScriptTag({ content: script });
    const session = await page.context().newCDPSession(page);
    const states: string[] = [];
    session.on('ServiceWorker.workerVersionUpdated', ({ versions }) => {
      for (const { runningStatus } of versions) if (states.at(-1) !== runningStatus) states.push(runningStatus);
    });
    await session.send('ServiceWorker.enable');
    // The port of docs/tabs-and-workers.md.
    await page.evaluate(`(async () => {
      const registration = await navigator.serviceWorker.register('/peer.js?role=service');
      await navigator.serviceWorker.ready;
      const worker = navigator.serviceWorker;
      globalThis.bus = createEventBus();
      link(bus, {
        postMessage: (message) => registration.active?.postMessage(message),
        addEventListener: (type, listener) => {
          worker.addEventListener(type, listener);
          worker.startMessages();
        },
        removeEventListener: (type, listener) => worker.removeEventListener(type, listener),
      }, { send: ['ping'], receive: ['pong'] });
      globalThis.ask = async (value) => {
        const pongs = eventsOf(bus, 'pong');
        await bus.publish('ping', { value });
        for await (const pong of pongs) return pong.value;
      };
    })()`);
    expect(await page.evaluate('ask(1)')).toBe(2);

    await session.send('ServiceWorker.stopAllWorkers');
    await expect.poll(() => states.at(-1)).toBe('stopped');

    // The event itself starts it.
    expect(await page.evaluate('ask(2)')).toBe(4);
    await expect.poll(() => states.slice(states.indexOf('stopped'))).toContain('running');
  }, 60_000);
});
