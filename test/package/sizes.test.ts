import { fileURLToPath } from 'node:url';
import { brotliCompressSync } from 'node:zlib';
import { build } from 'esbuild';
import { expect, it } from 'vitest';
import { readPage } from '../../scripts/readme.ts';

const entries = ['service', 'rabbitmq', 'kafka', 'postgres'];

const sizeOf = async (entry: string) => {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(`../../src/${entry}/index.ts`, import.meta.url))],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'node',
    external: ['uuidv7', 'pg', 'rabbitmq-client', '@platformatic/kafka'],
    write: false,
  });
  return brotliCompressSync(outputFiles[0]?.contents ?? '').length;
};

// The entries for pages have limits of their own: `size-limit` in package.json.
it.each(entries)('the README tells the size of mapbus/%s within a tenth', async (entry) => {
  const [, told] = new RegExp(`\\| \`mapbus/${entry}\` .*\\| ([\\d.]+) kB \\|`).exec(readPage('README.md')) ?? [];

  expect(Math.abs(Number(told) * 1_000 - (await sizeOf(entry)))).toBeLessThan(Number(told) * 100);
});
