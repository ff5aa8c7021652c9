import { fileURLToPath } from 'node:url';
import { brotliCompressSync } from 'node:zlib';
import { build } from 'esbuild';
import { expect, it } from 'vitest';

const resolveDir = fileURLToPath(new URL('../../src', import.meta.url));

/** Bundles what a page or a server imports from the sources. */
const bundle = (...exports: readonly string[]) =>
  build({
    stdin: { contents: exports.join('\n'), resolveDir, loader: 'ts' },
    bundle: true,
    minify: true,
    format: 'esm',
    external: ['uuidv7'],
    metafile: true,
    write: false,
  });
const sizeOf = async (...exports: readonly string[]) => {
  const { outputFiles } = await bundle(...exports);
  return brotliCompressSync(outputFiles[0]?.contents ?? '').length;
};

const bus = `export { createEventBus } from './index.ts';`;

it.each([
  ['link', `export { link } from './link/index.ts';`, 900],
  ['mapbus/link with the functions for frames', `export * from './link/index.ts';`, 1_400],
  ['mapbus/sse', `export * from './sse/index.ts';`, 1_200],
])('%s adds at most its share to a bus, after brotli', async (_, added, limit) => {
  const more = (await sizeOf(bus, added)) - (await sizeOf(bus));

  expect(more).toBeGreaterThan(limit / 2);
  expect(more).toBeLessThanOrEqual(limit);
});

it('mapbus imports neither links nor event streams, and they import nothing of each other', async () => {
  const foldersOf = async (entry: string) => {
    const { metafile } = await bundle(`export * from '${entry}';`);
    const folders = Object.keys(metafile.inputs).map((path) => /src\/(\w+)\//.exec(path)?.[1]);
    return [...new Set(folders)].filter((folder) => folder !== undefined).sort();
  };

  expect(await foldersOf('./index.ts')).toEqual(['bus', 'shared']);
  expect(await foldersOf('./link/index.ts')).toEqual(['link', 'shared']);
  expect(await foldersOf('./sse/index.ts')).toEqual(['shared', 'sse']);
});
