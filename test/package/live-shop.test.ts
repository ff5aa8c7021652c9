import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { startShop } from '../../examples/live-shop/server.ts';
import { chromiumArgs, chromiumPath } from '../../scripts/browsers.ts';

const pathOf = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const alias = {
  mapbus: pathOf('src/index.ts'),
  'mapbus/link': pathOf('src/link/index.ts'),
  'mapbus/react': pathOf('src/react/index.ts'),
};

let browser: Browser;
let folder: string;
let shop: Awaited<ReturnType<typeof startShop>>;
const trouble: string[] = [];
const contexts: BrowserContext[] = [];

// One shop for all tests, each of which has users of its own: a database takes seconds to start.
beforeAll(async () => {
  browser = await chromium.launch({ executablePath: chromiumPath, args: chromiumArgs });
  folder = mkdtempSync(join(tmpdir(), 'live-shop-'));
  shop = await startShop({ port: 0, folder: join(folder, 'shared'), stepMs: 50, alias });
}, 60_000);
afterAll(async () => {
  await browser.close();
  await shop.close();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

beforeEach(() => {
  trouble.length = 0;
});
afterEach(async () => {
  for (const context of contexts.splice(0)) await context.close();
  await expect.poll(shop.openStreams).toBe(0);
});

/** A browser of a user of its own. */
const openBrowser = async () => {
  const context = await browser.newContext();
  contexts.push(context);
  return context;
};
const openTab = async (context: BrowserContext, url = shop.url): Promise<Page> => {
  const page = await context.newPage();
  page.on('pageerror', (error) => trouble.push(error.message));
  await page.goto(url);
  await page.getByRole('region', { name: 'Orders' }).waitFor();
  return page;
};
const section = (page: Page, name: string) => page.getByRole('region', { name });
const put = (page: Page, product: string) => section(page, 'Products').getByRole('button', { name: product }).click();
const orderButton = (page: Page) => section(page, 'Cart').getByRole('button', { name: 'Place the order' });
const order = async (page: Page, product: string) => {
  await put(page, product);
  await orderButton(page).click();
};
const rows = (page: Page) => section(page, 'Orders').getByRole('listitem');
const until = (page: Page, text: string, index = 0) =>
  rows(page).nth(index).locator('.status').filter({ hasText: text }).waitFor({ timeout: 60_000 });
const total = (page: Page) => section(page, 'Cart').getByRole('status').textContent();
const isHolding = (page: Page) => page.locator('footer').getAttribute('data-holds');

describe('examples/live-shop', () => {
  it('shows an order of one tab in the other, and what becomes of it', async () => {
    const context = await openBrowser();
    const [first, second] = [await openTab(context), await openTab(context)];

    await order(first, 'Green tea');
    await until(second, 'shipped');

    expect(await rows(second).textContent()).toMatch(/1\s×\sGreen tea/);
    await until(first, 'shipped');
    expect(await total(second)).toBe('0 €');
    expect(trouble).toEqual([]);
  }, 60_000);

  it('says in each tab what has happened to an order', async () => {
    const context = await openBrowser();
    const [first, second] = [await openTab(context), await openTab(context)];

    await order(first, 'Green tea');

    for (const page of [first, second]) await page.getByText(/^Order \w{4} is shipped$/).waitFor();
  }, 60_000);

  it('has the same cart in both tabs, and in one that is opened later', async () => {
    const context = await openBrowser();
    const [first, second] = [await openTab(context), await openTab(context)];

    await put(first, 'Forest honey');
    await put(first, 'Forest honey');
    await section(second, 'Cart').getByText('14 €').waitFor();
    await section(second, 'Cart').getByRole('button', { name: 'Less Forest honey' }).click();
    await section(first, 'Cart').getByText('7 €').waitFor();

    expect(await total(await openTab(context))).toBe('7 €');
    expect(trouble).toEqual([]);
  }, 60_000);

  it('keeps what is put into the cart while an order is on its way', async () => {
    const page = await openTab(await openBrowser());
    let goOn = () => {};
    const isHeld = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    await page.route('**/api/orders', async (route) => {
      if (route.request().method() === 'POST') await isHeld;
      await route.continue();
    });

    await order(page, 'Old cheese');
    await put(page, 'Plums');
    goOn();

    await until(page, 'shipped');
    await section(page, 'Cart').locator('output').filter({ hasText: /^2 €$/ }).waitFor();
  }, 60_000);

  it('has one stream for all tabs of a browser, and another tab takes it over', async () => {
    const context = await openBrowser();
    // A browser has six connections to a server.
    const tabs: Page[] = [];
    for (let tab = 0; tab < 7; tab++) tabs.push(await openTab(context));
    const [first, second, last] = [tabs[0], tabs[1], tabs[6]] as [Page, Page, Page];
    await first.locator('footer[data-holds=true]').waitFor();
    expect((await Promise.all(tabs.map(isHolding))).filter((holds) => holds === 'true')).toHaveLength(1);
    await order(last, 'Plums');
    for (const tab of tabs) await until(tab, 'shipped');
    expect(shop.openStreams()).toBe(1);

    await first.close();
    await second.locator('footer[data-holds=true]').waitFor();
    await order(second, 'Old cheese');

    for (const index of [1, 0]) await until(last, 'shipped', index);
    expect(await rows(last).allTextContents()).toHaveLength(2);
    expect(shop.openStreams()).toBe(1);
  }, 120_000);

  it('shows a second user nothing of the first', async () => {
    const [ada, bob] = [await openBrowser(), await openBrowser()];
    const [first, second] = [await openTab(ada), await openTab(bob)];
    const answers: string[] = [];
    second.on('response', async (response) => {
      if (response.url().endsWith('/api/orders')) answers.push(await response.text().catch(() => ''));
    });

    await order(first, 'Green tea');
    await until(first, 'shipped');
    await order(second, 'Plums');
    await until(second, 'shipped');

    expect(await rows(second).allTextContents()).toHaveLength(1);
    expect(await rows(second).textContent()).toContain('Plums');
    expect(answers.join()).not.toContain('tea');
    expect(await total(second)).toBe('0 €');
    expect(await rows(await openTab(bob)).allTextContents()).toHaveLength(1);
  }, 60_000);
});

/** The program of `npm run live-shop`, in a process that may be killed. It uses what was built. */
const startProcess = async (port: number, database: string) => {
  const child: ChildProcess = spawn(process.execPath, ['--import', 'tsx', pathOf('examples/live-shop/main.ts')], {
    env: { ...process.env, PORT: String(port), SHOP_FOLDER: database },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    return exited;
  };
  onTestFinished(async () => void (await end('SIGKILL')));
  const [line] = (await once(child.stdout ?? child, 'data')) as [Buffer];
  const [url] = /http:\S+\//.exec(String(line)) ?? [];
  if (!url) throw new Error(String(line));
  return { url, port: Number(new URL(url).port), end };
};

describe('npm run live-shop', () => {
  it('misses nothing when its server is killed and starts again', async () => {
    const database = join(folder, 'killed');
    const before = await startProcess(0, database);
    const context = await openBrowser();
    const [first, second] = [await openTab(context, before.url), await openTab(context, before.url)];
    await order(first, 'Rye bread');
    await until(second, 'placed');

    await before.end('SIGKILL');
    const after = await startProcess(before.port, database);
    // The next process takes up what is not shipped yet.
    for (const page of [first, second]) await until(page, 'shipped');
    await order(second, 'Lemon cake');

    for (const page of [first, second]) {
      for (const index of [1, 0]) await until(page, 'shipped', index);
      expect(await rows(page).allTextContents()).toHaveLength(2);
    }
    expect(trouble).toEqual([]);
    expect(await after.end('SIGTERM')).toEqual([0, null]);
  }, 180_000);
});

describe('the sources of examples/live-shop', () => {
  it('need no store and no hook for events beside those of the package', () => {
    const page = readdirSync(pathOf('examples/live-shop/page'))
      .filter((file) => /\.tsx?$/.test(file))
      .map((file) => readFileSync(pathOf(`examples/live-shop/page/${file}`), 'utf8'));
    const namesFrom = (name: RegExp) => [
      ...new Set(
        page.flatMap((source) =>
          [...source.matchAll(/import \{ (.*) \} from '(.*)'/g)].flatMap(([, names = '', from = '']) =>
            name.test(from) ? names.split(', ') : [],
          ),
        ),
      ),
    ];

    expect(namesFrom(/^react$/).sort()).toEqual(['StrictMode', 'useState']);
    expect(namesFrom(/^mapbus/).sort()).toEqual(['createEventBus', 'latestOf', 'link', 'useLatest', 'useSubscribe']);
  });
});
