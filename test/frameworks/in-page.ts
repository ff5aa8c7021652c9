import type { Shop } from '../generated/frameworks/shop.ts';

/** What a page shows, at each step of the test. */
export const createSteps = () => {
  const steps: unknown[] = [];
  const page = document.createElement('main');
  document.body.append(page);
  const note = (handlerCount: number) =>
    steps.push([page.querySelector('output')?.textContent?.trim() ?? null, handlerCount]);
  return { page, note, steps };
};

/** What every framework must show: the start, an event, a second one after the component has gone. */
export const expectedSteps = [
  ['0 items.', 3],
  ['1 items. Tea is in the cart', 3],
  [null, 2],
];

/**
 * Hydrates what a server has rendered, after an event, and publishes another one. Returns what is shown after each, whether
 * the elements of the server are still there, and what the console was told.
 */
export const hydratePage = async (html: string, shop: Shop, hydrate: (page: Element, shop: Shop) => unknown) => {
  const told: string[] = [];
  for (const level of ['warn', 'error'] as const) console[level] = (message) => told.push(String(message));
  const page = document.createElement('main');
  page.innerHTML = html;
  document.body.append(page);
  const rendered = page.querySelector('output');
  const shown = () => page.textContent?.replaceAll(/\s+/g, ' ').trim();
  const seen = [shown()];
  await shop.bus.publish('item.added', { name: 'Tea' });
  await hydrate(page, shop);
  await new Promise((resolve) => setTimeout(resolve));
  seen.push(shown());
  await shop.bus.publish('item.added', { name: 'Cake' });
  await new Promise((resolve) => setTimeout(resolve));
  seen.push(shown());
  return { seen, isSame: rendered === page.querySelector('output'), told };
};
