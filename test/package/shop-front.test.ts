import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright';
import { beforeAll, describe, expect, it } from 'vitest';
import { openPage, serve } from '../frameworks/open-page.ts';

const folder = 'examples/shop-front';
const packages = ['react', 'react/jsx-dev-runtime', 'react-dom/client'];

const open = async () => {
  const page = await openPage(await serve({ folder, packages }));
  const errors: string[] = [];
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  page.on('pageerror', (error) => errors.push(String(error)));
  await page.clock.install();
  await page.reload();
  return {
    page,
    errors,
    click: (name: string) => page.getByRole('button', { name }).first().click(),
    items: () => page.locator('li').allInnerTexts(),
    total: () => page.locator('output').innerText(),
    toasts: () => page.getByRole('status').locator('p').allInnerTexts(),
  };
};
const dataLayerOf = (page: Page) => page.evaluate('dataLayer');

describe('examples/shop-front', () => {
  it('adds to the cart and removes from it', async () => {
    const { click, items, total, errors } = await open();
    expect(await total()).toBe('Total: 0 €');

    for (const name of ['Tea', 'Cake', 'Tea']) await click(name);
    expect(await total()).toBe('Total: 11 €');
    await click('Remove Cake');

    expect(await items()).toEqual([expect.stringContaining('Tea, 4 €'), expect.stringContaining('Tea, 4 €')]);
    expect(await total()).toBe('Total: 8 €');
    expect(errors).toEqual([]);
  }, 60_000);

  it('undoes each change, up to the first', async () => {
    const { page, click, total } = await open();
    const undo = page.getByRole('button', { name: 'Undo' });
    expect(await undo.isDisabled()).toBe(true);
    await click('Cup');
    await click('Tea');
    await click('Remove Cup');
    const totals = [await total()];

    for (let change = 0; change < 3; change++) {
      await undo.click();
      totals.push(await total());
    }

    expect(totals).toEqual(['Total: 4 €', 'Total: 13 €', 'Total: 9 €', 'Total: 0 €']);
    expect(await undo.isDisabled()).toBe(true);
  }, 60_000);

  it('shows one toast for each event under StrictMode, for three seconds', async () => {
    const { page, click, toasts } = await open();

    await click('Tea');
    await page.clock.runFor(2_000);
    await click('Remove Tea');
    expect(await toasts()).toEqual(['Tea is in the cart', 'Tea is out of the cart']);

    await page.clock.runFor(1_500);
    expect(await toasts()).toEqual(['Tea is out of the cart']);
    await page.clock.runFor(1_500);
    expect(await toasts()).toEqual([]);
  }, 60_000);

  it('tracks what the customer did, once and in order', async () => {
    const { page, click } = await open();

    await click('Tea');
    await click('Remove Tea');
    await click('Undo');

    expect(await dataLayerOf(page)).toEqual([
      { event: 'add_to_cart', item: 'Tea', value: 4 },
      { event: 'remove_from_cart', item: 'Tea', value: 4 },
      { event: 'undo' },
    ]);
  }, 60_000);
});

const pathOf = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

describe('the sources of examples/shop-front', () => {
  let sources: readonly string[] = [];
  const linesOf = (path: string) =>
    readdirSync(pathOf(path))
      .filter((file) => /\.tsx?$/.test(file) && file !== 'vite.config.ts')
      .flatMap((file) => readFileSync(pathOf(`${path}/${file}`), 'utf8').split('\n'))
      .filter((line) => line.trim() !== '' && !line.trim().startsWith('//'));
  beforeAll(() => {
    sources = linesOf(folder);
  });

  it('import the bus and React, and no store', () => {
    const packagesIn = sources.map((line) => / from '([^.'][^']*)'/.exec(line)?.[1]).filter(Boolean);

    expect([...new Set(packagesIn)].sort()).toEqual(['mapbus', 'mapbus/react', 'react', 'react-dom/client']);
  });

  it('are no longer than the same shop with zustand and mitt', () => {
    expect(sources.length).toBeGreaterThan(100);
    expect(sources.length).toBeLessThanOrEqual(linesOf('bench/frontend/react/zustand-mitt').length);
  });
});
