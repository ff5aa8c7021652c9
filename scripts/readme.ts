// Writes each sample of the README and of docs, in ts, tsx, vue or svelte, as a module. In it, `value //=> expected` is an
// assertion.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = new URL('../', import.meta.url);
const generated = new URL('test/generated/', root);

/** The README and the pages of docs, as paths from the root. */
export const pages: readonly string[] = [
  'README.md',
  ...readdirSync(new URL('docs/', root))
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`)
    .sort(),
];

export const readPage = (page: string): string => readFileSync(new URL(page, root), 'utf8');

interface Sample {
  /** The path of the module, from `test/generated`. */
  readonly path: string;
  readonly code: string;
}

const ASSERTION = /^(.+?);? \/\/=> (.+)$/gm;

/** A sample whose first line is `// name.ts` or `<!-- name.vue -->` is a file that other samples of its page import. */
const fileOf = (code: string, extension: string, line: number): string =>
  /^(?:\/\/|<!--) ([\w.-]+\.(?:tsx?|vue|svelte))(?: -->)?\n/.exec(code)?.[1] ?? `line-${line}.${extension}`;

const samplesOf = (page: string): Sample[] => {
  const text = readPage(page);
  const folderOfPage = page.replace('docs/', '').replace('.md', '');
  return [...text.matchAll(/^```(tsx?|vue|svelte)\n(.*?)^```$/gms)].map(
    ({ 1: extension = '', 2: block = '', index }) => {
      const line = text.slice(0, index).split('\n').length;
      const checked = block.replace(ASSERTION, 'expect($1).toEqual($2);');
      const code = checked === block ? block : `import { expect } from 'vitest';\n${checked}`;
      return { path: `${folderOfPage}/${fileOf(block, extension, line)}`, code };
    },
  );
};

const pathOf = (path: string) => fileURLToPath(new URL(path, generated));

/**
 * Writes what has changed, so that two test files may call it at the same time.
 * @returns the paths of the modules, from `test/generated`, in the order of the samples
 */
export const writeSamples = (): string[] => {
  const samples = pages.flatMap(samplesOf);
  const codes = new Map(samples.map(({ path, code }) => [path, code]));
  if (codes.size < samples.length) throw new Error('Two samples of a page have the same file name');
  for (const [path, code] of codes) {
    mkdirSync(dirname(pathOf(path)), { recursive: true });
    if (!existsSync(pathOf(path)) || readFileSync(pathOf(path), 'utf8') !== code) writeFileSync(pathOf(path), code);
  }
  for (const path of readdirSync(generated, { recursive: true, encoding: 'utf8' })) {
    if (/\.(tsx?|vue|svelte)$/.test(path) && !codes.has(path.replaceAll('\\', '/')))
      rmSync(pathOf(path), { force: true });
  }
  return [...codes.keys()];
};

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) writeSamples();
