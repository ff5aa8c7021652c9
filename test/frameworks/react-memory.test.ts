import { expect, it } from 'vitest';
import { openPage, serve } from './open-page.ts';

const path = 'frameworks/react-memory.page.tsx';

it('10,000 components that come and go leave no handler and no memory behind', async () => {
  const packages = ['react', 'react/jsx-dev-runtime', 'react-dom', 'react-dom/client'];
  const page = await openPage(await serve({ folder: 'test', packages }), path);
  await page.evaluate(`import('/${path}').then(() => {})`);
  const session = await page.context().newCDPSession(page);
  const heapAfter = async (mounts: number) => {
    expect(await page.evaluate(`mountTimes(${mounts})`)).toBe(2);
    await session.send('HeapProfiler.collectGarbage');
    return (await session.send('Runtime.getHeapUsage')).usedSize;
  };
  await heapAfter(5_000);

  const before = await heapAfter(100);
  const after = await heapAfter(10_000);

  // A handler that stays holds its component: more than a kilobyte each.
  expect(after - before).toBeLessThan(500_000);
}, 120_000);
