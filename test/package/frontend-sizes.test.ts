import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync } from 'node:zlib';
import { build } from 'esbuild';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const isDist = process.env.TARGET === 'dist';

/** The file of an entry, in the sources or in what was built. */
const fileOf = (entry: string) => {
  if (isDist) return `${root}dist/${entry}.js`;
  return `${root}src/${entry === 'index' ? 'index' : `${entry}/index`}.ts`;
};

/** Bundles what a page or a server imports. */
const bundle = (...exports: readonly string[]) =>
  build({
    stdin: { contents: exports.join('\n'), resolveDir: root, loader: 'ts' },
    bundle: true,
    minify: true,
    format: 'esm',
    external: ['uuidv7', 'react'],
    metafile: true,
    write: false,
    logLevel: 'error',
  });
const exportsOf = (entry: string, names = '*') => `export ${names} from '${fileOf(entry)}';`;
const sizeOf = async (...exports: readonly string[]) => {
  const { outputFiles } = await bundle(...exports);
  return brotliCompressSync(outputFiles[0]?.contents ?? '').length;
};

const bus = exportsOf('index', '{ createEventBus }');

it.each([
  ['latestOf', exportsOf('index', '{ latestOf }'), 200],
  ['mapbus/react', exportsOf('react'), 400],
  ['link', exportsOf('link', '{ link }'), 900],
  ['mapbus/link with the functions for frames', exportsOf('link'), 1_400],
  ['mapbus/sse', exportsOf('sse'), 1_200],
])('%s adds at most its share to a bus, after brotli', async (_, added, limit) => {
  const more = (await sizeOf(bus, added)) - (await sizeOf(bus));

  expect(more).toBeGreaterThan(limit / 4);
  expect(more).toBeLessThanOrEqual(limit);
});

it('a store of latestOf is no part of a page that does not use it', async () => {
  const { outputFiles } = await bundle(bus);

  expect(readFileSync(`${root}src/bus/latest-of.ts`, 'utf8')).toContain(`'latestOf'`);
  expect(outputFiles[0]?.text).not.toContain('latestOf');
});

if (!isDist) {
  // What was built is in chunks, whose names do not tell where they come from.
  it('mapbus imports no other entry, and links and event streams import nothing of each other', async () => {
    const foldersOf = async (entry: string) => {
      const { metafile } = await bundle(exportsOf(entry));
      const folders = Object.keys(metafile.inputs).map((path) => /src\/(\w+)\//.exec(path)?.[1]);
      return [...new Set(folders)].filter((folder) => folder !== undefined).sort();
    };

    expect(await foldersOf('index')).toEqual(['bus', 'shared']);
    expect(await foldersOf('react')).toEqual(['react', 'shared']);
    expect(await foldersOf('link')).toEqual(['link', 'shared']);
    expect(await foldersOf('sse')).toEqual(['shared', 'sse']);
  });
}
