import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it, vi } from 'vitest';

const pathOf = (file: string) => fileURLToPath(new URL(`../../examples/shop/${file}`, import.meta.url));
const read = (file: string) => readFileSync(pathOf(file), 'utf8');

afterEach(() => {
  process.exitCode = undefined;
});

it('examples/shop: counts what its README shows', async () => {
  const log = vi.spyOn(console, 'log').mockReturnValue();

  await import(/* @vite-ignore */ pathOf('main.ts'));

  const [, output] = /```text\n(.*)```/s.exec(read('README.md')) ?? [];
  expect(log.mock.calls.map(([line]) => `${line}\n`).join('')).toBe(output);
  expect(process.exitCode).toBeUndefined();
});

it('examples/github-webhooks: counts what its README shows', async () => {
  const pathTo = (file: string) => fileURLToPath(new URL(`../../examples/github-webhooks/${file}`, import.meta.url));
  const log = vi.spyOn(console, 'log').mockReturnValue();

  await import(/* @vite-ignore */ pathTo('main.ts'));

  const [, output = 'nothing'] = /```text\n(.*)```/s.exec(readFileSync(pathTo('README.md'), 'utf8')) ?? [];
  expect(log.mock.calls.map(([line]) => `${line}\n`).join('')).toContain(output);
  expect(process.exitCode).toBeUndefined();
});

it.each(['orders.ts', 'billing.ts', 'mail.ts'])('examples/shop: %s knows only views of the bus', (file) => {
  const source = read(file);

  expect(source).toMatch(/\bConsumer\b/);
  expect(source).not.toMatch(/createServiceBus|ServiceBus|memory/);
});
