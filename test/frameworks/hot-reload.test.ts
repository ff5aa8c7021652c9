import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { expect, it, onTestFinished } from 'vitest';
import { writeSamples } from '../../scripts/readme.ts';
import { openPage, serve } from './open-page.ts';

writeSamples();

const samples = fileURLToPath(new URL('../generated/frameworks/', import.meta.url));

const heard = `
  import { useSubscribe } from 'mapbus/react';
  import { useState } from 'react';
  import { bus } from './page.ts';
  export const Heard = () => {
    const [heard, setHeard] = useState(0);
    useSubscribe(bus, 'item.added', () => setHeard(heard + 1));
    return <p>first: {heard}</p>;
  };`;

const main = `
  import { StrictMode } from 'react';
  import { createRoot } from 'react-dom/client';
  import './analytics.ts';
  import { Heard } from './heard.tsx';
  import { bus } from './page.ts';
  globalThis.bus = bus;
  createRoot(document.querySelector('main')).render(<StrictMode><Heard /></StrictMode>);`;

/** A page in a folder of its own, whose files a test may edit. */
const openProject = async () => {
  const folder = mkdtempSync(fileURLToPath(new URL('../.hot-', import.meta.url)));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const file of ['shop.ts', 'page.ts', 'analytics.ts']) copyFileSync(join(samples, file), join(folder, file));
  writeFileSync(join(folder, 'heard.tsx'), heard);
  writeFileSync(join(folder, 'main.tsx'), main);
  writeFileSync(join(folder, 'index.html'), '<main></main><script type="module" src="/main.tsx"></script>');
  const packages = ['react', 'react/jsx-dev-runtime', 'react-dom/client'];
  const server = await serve({ folder: `test/${basename(folder)}`, plugins: [react()], packages });
  const page = await openPage(server);
  await page.getByText('first: 0').waitFor();
  const edit = (file: string, from: string, to: string) => {
    const path = join(folder, file);
    writeFileSync(path, readFileSync(path, 'utf8').replace(from, to));
  };
  const publish = () =>
    page.evaluate(`bus.publish('item.added', { name: 'Tea' }).then(({ handlerCount }) => handlerCount)`);
  return { page, edit, publish };
};

it('a component that is edited keeps its state and has one handler', async () => {
  const { page, edit, publish } = await openProject();
  const before = await publish();
  await page.getByText('first: 1').waitFor();

  edit('heard.tsx', 'first:', 'second:');
  await page.getByText('second: 1').waitFor();
  edit('heard.tsx', 'heard + 1', 'heard + 10');
  edit('heard.tsx', 'second:', 'third:');
  await page.getByText('third: 1').waitFor();

  expect(await publish()).toBe(before);
  await page.getByText('third: 11').waitFor();
}, 60_000);

it('a module that removes its handlers before it is evaluated again has one handler', async () => {
  const { page, edit, publish } = await openProject();
  const before = await publish();

  const tracked: string[] = [];
  page.on('console', (message) => tracked.push(message.text()));
  edit('analytics.ts', 'tracked.push(name)', 'console.log(name)');
  await expect
    .poll(async () => {
      await publish();
      return tracked.at(-1);
    })
    .toBe('Tea');
  tracked.splice(0);

  expect(await publish()).toBe(before);
  expect(tracked).toEqual(['Tea']);
}, 60_000);
