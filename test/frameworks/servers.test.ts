import { expect, it, vi } from 'vitest';
import { writeSamples } from '../../scripts/readme.ts';
import type { createShop, Shop } from '../generated/frameworks/shop.ts';
import { runInPage, serve } from './open-page.ts';
import { solid, svelte, vue } from './plugins.ts';

writeSamples();

/** Renders 50 times: what was rendered, and how many handlers are left. */
const renderPages = async (server: Awaited<ReturnType<typeof serve>>, path: string, render = 'render') => {
  const shops = (await server.ssrLoadModule('/generated/frameworks/shop.ts')) as { createShop: typeof createShop };
  const { [render]: renderShop } = (await server.ssrLoadModule(path)) as Record<
    string,
    (shop: Shop) => Promise<string>
  >;
  if (!renderShop) throw new Error(`${path} has no ${render}`);
  const shop = shops.createShop();
  const before = shop.bus.handlerCount();
  const pages = new Set<string>();
  for (let page = 0; page < 50; page++) pages.add(await renderShop(shop));
  return { left: () => shop.bus.handlerCount() - before, pages: [...pages] };
};

it.each([
  ['Vue', '/frameworks/vue.server.ts', vue],
  ['Svelte', '/frameworks/svelte.server.ts', svelte],
  ['Solid', '/frameworks/solid-server.tsx', solid],
  ['Angular', '/frameworks/angular.server.ts', undefined],
  ['Lit', '/frameworks/lit.server.ts', undefined],
])(
  '50 pages that a server renders with the sample of %s leave no handler behind',
  async (_, path, plugin) => {
    const server = await serve({ folder: 'test', plugins: [plugin] });

    const { left, pages } = await renderPages(server, path);

    // Solid ends a rendering in a timer.
    await vi.waitFor(() => expect(left()).toBe(0));
    expect(pages).toHaveLength(1);
    expect(pages[0]).toMatch(/<output[^>]*>.*0.* items\. .*<\/output>/s);
  },
  60_000,
);

it.each([
  ['Vue', 'vue.server.ts', 'vue-hydration.page.ts', vue, ['vue']],
  ['Svelte', 'svelte.server.ts', 'svelte-hydration.page.ts', svelte, ['svelte', 'svelte/internal/client']],
  ['Solid', 'solid-server.tsx', 'solid-hydration.tsx', solid, ['solid-js', 'solid-js/web']],
])(
  'the sample of %s hydrates what a server has rendered, and then shows what was published before',
  async (_, serverPath, pagePath, plugin, packages) => {
    const server = await serve({ folder: 'test', plugins: [plugin], packages });
    const { pages } = await renderPages(server, `/frameworks/${serverPath}`);

    expect(await runInPage(server, `frameworks/${pagePath}`, pages[0])).toEqual({
      seen: ['0 items.', '1 items.', '2 items. Cake is in the cart'],
      isSame: true,
      told: [],
    });
  },
  60_000,
);

it('50 pages with a subscription in the setup of Vue leave 50 handlers, as the page about frameworks says', async () => {
  const server = await serve({ folder: 'test', plugins: [vue] });

  const { left } = await renderPages(server, '/frameworks/vue.server.ts', 'renderLeak');

  expect(left()).toBe(50);
}, 60_000);
