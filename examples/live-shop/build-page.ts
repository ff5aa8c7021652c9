import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const pathOf = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const read = (path: string) => readFileSync(pathOf(path), 'utf8');

/** The page as one script, one style sheet and one document. */
export const buildPage = async (alias: Record<string, string>) => {
  const { outputFiles } = await build({
    entryPoints: [pathOf('page/main.tsx')],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    logLevel: 'error',
    define: { 'process.env.NODE_ENV': '"production"' },
    alias,
  });
  return { html: read('page/index.html'), style: read('page/page.css'), script: outputFiles[0]?.text ?? '' };
};
