import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync } from 'node:zlib';
import { build } from 'esbuild';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Bundles what a page imports from the sources. */
const bundle = (...exports: readonly string[]) =>
  build({
    stdin: { contents: exports.join('\n'), resolveDir: `${root}src`, loader: 'ts' },
    bundle: true,
    minify: true,
    format: 'esm',
    external: ['uuidv7', 'react'],
    metafile: true,
    write: false,
  });
const sizeOf = async (...exports: readonly string[]) => {
  const { outputFiles } = await bundle(...exports);
  return brotliCompressSync(outputFiles[0]?.contents ?? '').length;
};

const bus = `export { createEventBus } from './index.ts';`;

it.each([
  ['latestOf', `export { latestOf } from './index.ts';`, 200],
  ['mapbus/react', `export * from './react/index.ts';`, 400],
])('%s adds at most its share to a bus, after brotli', async (_, added, limit) => {
  const more = (await sizeOf(bus, added)) - (await sizeOf(bus));

  expect(more).toBeGreaterThan(50);
  expect(more).toBeLessThanOrEqual(limit);
});

it('mapbus imports no other entry', async () => {
  const { metafile } = await bundle(`export * from './index.ts';`);
  const folders = Object.keys(metafile.inputs).map((path) => /src\/(\w+)\//.exec(path)?.[1]);

  expect([...new Set(folders)].filter(Boolean).sort()).toEqual(['bus', 'shared']);
});

it('a store of latestOf is no part of a page that does not use it', async () => {
  const { outputFiles } = await bundle(bus);

  expect(readFileSync(`${root}src/bus/latest-of.ts`, 'utf8')).toContain(`'latestOf'`);
  expect(outputFiles[0]?.text).not.toContain('latestOf');
});
