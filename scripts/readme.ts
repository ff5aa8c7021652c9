// Writes every ts block of the README and of docs as a module that checks its `value //=> expected` lines.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const folder = new URL('../test/generated/', import.meta.url);

/** @returns The paths of the modules, in the order of the blocks. */
export const writeReadmeBlocks = (): string[] => {
  const pages = ['README.md', 'docs/transports.md'].map((page) =>
    readFileSync(new URL(`../${page}`, import.meta.url), 'utf8'),
  );
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  return [...pages.join('\n').matchAll(/^```ts\n(.*?)^```$/gms)].map(([, block = ''], index) => {
    const checked = block.replace(/^(.+?);? \/\/=> (.+)$/gm, 'expect($1).toEqual($2);');
    const file = new URL(`readme-${index + 1}.ts`, folder);
    writeFileSync(file, `import { expect } from 'vitest';\n${checked}`);
    return file.pathname;
  });
};

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) writeReadmeBlocks();
