import { expect, it } from 'vitest';
import { openPage, serve } from './open-page.ts';

const path = 'frameworks/react-memory.page.tsx';

it('10,000 components that come and go leave no handler behind, on the bus or in memory', async () => {
  const packages = ['react', 'react/jsx-dev-runtime', 'react-dom', 'react-dom/client'];
  const page = await openPage(await serve({ folder: 'test', packages }), path);
  await page.evaluate(`import('/${path}').then(() => {})`);
  const session = await page.context().newCDPSession(page);

  const { rendered, subscribed } = (await page.evaluate('mountTimes(10_000)')) as Record<string, number>;
  await session.send('HeapProfiler.collectGarbage');

  // Each was rendered at the start and for the event. One store and the last component are left.
  expect([rendered, subscribed]).toEqual([20_000, 2]);
  expect(await page.evaluate('countHeld()')).toBeLessThan(10);
}, 120_000);
