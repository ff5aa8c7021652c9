import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startShop } from '../../examples/live-shop/server.ts';
import { chromiumArgs, chromiumPath } from '../../scripts/browsers.ts';

const pathOf = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const alias = {
  mapbus: pathOf('../../src/index.ts'),
  'mapbus/link': pathOf('../../src/link/index.ts'),
};

let browser: Browser;
let folder: string;
let shop: Awaited<ReturnType<typeof startShop>>;
const trouble: string[] = [];
const contexts: BrowserContext[] = [];

const start = (port: number, stepMs = 50) => startShop({ port, folder, stepMs, alias });

beforeAll(async () => {
  browser = await chromium.launch({ executablePath: chromiumPath, args: chromiumArgs });
});
afterAll(() => browser.close());

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'live-shop-'));
  shop = await start(0);
  trouble.length = 0;
});
afterEach(async () => {
  for (const context of contexts.splice(0)) await context.close();
  await shop.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A browser of a user of its own. */
const openBrowser = async () => {
  const context = await browser.newContext();
  contexts.push(context);
  return context;
};
const openTab = async (context: BrowserContext): Promise<Page> => {
  const page = await context.newPage();
  page.on('pageerror', (error) => trouble.push(error.message));
  await page.goto(shop.url);
  await page.getByRole('region', { name: 'Orders' }).waitFor();
  return page;
};
const section = (page: Page, name: string) => page.getByRole('region', { name });
const put = (page: Page, product: string) => section(page, 'Products').getByRole('button', { name: product }).click();
const order = async (page: Page, product: string) => {
  await put(page, product);
  await section(page, 'Cart').getByRole('button', { name: 'Place the order' }).click();
};
const rows = (page: Page) => section(page, 'Orders').getByRole('listitem');
const status = (page: Page, index = 0) => rows(page).nth(index).locator('.status');
const until = (page: Page, text: string, index = 0) =>
  status(page, index).filter({ hasText: text }).waitFor({ timeout: 15_000 });
const isHolding = (page: Page) => page.locator('footer').getAttribute('data-holds');

describe('examples/live-shop', () => {
  it('shows an order of one tab in the other, and what becomes of it', async () => {
    const context = await openBrowser();
    const [first, second] = [await openTab(context), await openTab(context)];

    await order(first, 'Green tea');
    await until(second, 'shipped');

    expect(await rows(second).textContent()).toContain('1 × Green tea');
    await until(first, 'shipped');
    expect(trouble).toEqual([]);
  }, 60_000);

  it('has the same cart in both tabs, and in one that is opened later', async () => {
    const context = await openBrowser();
    const [first, second] = [await openTab(context), await openTab(context)];

    await put(first, 'Forest honey');
    await put(first, 'Forest honey');
    await section(second, 'Cart').getByText('14 €').waitFor();
    await section(second, 'Cart').getByRole('button', { name: 'Less Forest honey' }).click();
    await section(first, 'Cart').getByText('7 €').waitFor();

    const third = await openTab(context);
    expect(await section(third, 'Cart').getByRole('status').textContent()).toBe('7 €');
    expect(trouble).toEqual([]);
  }, 60_000);

  it('has one stream for all tabs of a browser, and another tab takes it over', async () => {
    const context = await openBrowser();
    const tabs = [await openTab(context), await openTab(context), await openTab(context)];
    await tabs[0]?.locator('footer[data-holds=true]').waitFor();
    expect(await Promise.all(tabs.map(isHolding))).toEqual(['true', 'false', 'false']);
    await order(tabs[2] as Page, 'Plums');
    await until(tabs[1] as Page, 'shipped');
    expect(shop.openStreams()).toBe(1);

    await tabs[0]?.close();
    await (tabs[1] as Page).locator('footer[data-holds=true]').waitFor();
    await order(tabs[1] as Page, 'Old cheese');

    await until(tabs[2] as Page, 'shipped');
    expect(await rows(tabs[2] as Page).allTextContents()).toHaveLength(2);
    expect(shop.openStreams()).toBe(1);
  }, 60_000);

  it('misses nothing while the server starts again', async () => {
    const port = Number(new URL(shop.url).port);
    await shop.close();
    shop = await start(port, 1_000);
    const context = await openBrowser();
    const [first, second] = [await openTab(context), await openTab(context)];
    await order(first, 'Rye bread');
    await rows(second).first().waitFor();

    // The next process takes up what is not shipped yet.
    await shop.close();
    shop = await start(port);
    await order(second, 'Lemon cake');

    for (const page of [first, second]) {
      await until(page, 'shipped', 0);
      await until(page, 'shipped', 1);
      expect(await rows(page).allTextContents()).toHaveLength(2);
    }
    expect(trouble).toEqual([]);
  }, 60_000);

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
    expect(await section(second, 'Cart').getByRole('status').textContent()).toBe('0 €');
  }, 60_000);
});
