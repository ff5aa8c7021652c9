import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright';
import { createServer } from 'vite';
import { expect, it } from 'vitest';
import { chromiumArgs, chromiumPath } from '../../scripts/browsers.ts';

it('examples/browser: three components talk through the bus alone', async () => {
  const alias = { mapbus: fileURLToPath(new URL('../../src/index.ts', import.meta.url)) };
  const root = fileURLToPath(new URL('../../examples/browser', import.meta.url));
  const server = await createServer({
    root,
    configFile: false,
    logLevel: 'error',
    resolve: { alias },
    server: { port: 0 },
  });
  const browser = await chromium.launch({ executablePath: chromiumPath, args: chromiumArgs });
  try {
    await server.listen();
    const page = await browser.newPage();
    const warnings: string[] = [];
    page.on('console', (message) => message.type() === 'warning' && warnings.push(message.text()));
    await page.goto(server.resolvedUrls?.local[0] ?? '');
    const click = (name: string) => page.getByRole('button', { name }).click();

    for (const name of ['Add Tea', 'Add Cake', 'Add Tea']) await click(name);
    expect(await page.locator('output').textContent()).toBe('Total: 7 €');
    expect(warnings).toEqual([expect.stringContaining('event_handler_failed')]);
    await click('Clear');

    expect(await page.locator('output').textContent()).toBe('Total: 0 €');
    expect(await page.locator('li').allTextContents()).toEqual([
      'Tea added',
      'Cake added',
      'Tea added',
      'cart cleared',
    ]);
  } finally {
    await browser.close();
    await server.close();
  }
}, 30_000);
