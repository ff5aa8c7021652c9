// Builds the bus twice with the same settings: as it is, and without the options `observers` and `metadata`.
import { readFileSync } from 'node:fs';
import { build, type Plugin } from 'esbuild';
import { file } from './processes.ts';

/** What the bus does for these options when nobody uses them, and what is left of it without them. */
const CHANGES: Readonly<Record<string, readonly (readonly [code: RegExp, left: string])[]>> = {
  'publish.ts': [
    [/if \(!observePublish\) (return start\(.*\);)/, '$1'],
    [/else if \(options !== undefined \|\| addMetadata \|\| .*\) \{/, 'else if (options !== undefined) {'],
  ],
  'subscribe.ts': [[/return observers\.handle\((\w+), handlerName\);/, 'return $1;']],
};

const removeOptions: Plugin = {
  name: 'remove options',
  setup: ({ onLoad }) => {
    for (const [name, changes] of Object.entries(CHANGES)) {
      onLoad({ filter: new RegExp(`/src/bus/${name.replace('.', '\\.')}$`) }, ({ path }) => {
        const contents = changes.reduce(
          (text, [code, left]) => {
            if (!code.test(text))
              throw new Error(`${name} has no longer ${code}: change bench/without-options.ts with it`);
            return text.replace(code, left);
          },
          readFileSync(path, 'utf8'),
        );
        return { contents, loader: 'ts' };
      });
    }
  },
};

const buildBus = async (name: string, plugins: Plugin[]): Promise<string> => {
  const outfile = file(`node_modules/.cache/${name}.mjs`);
  await build({
    entryPoints: [file('../src/index.ts')],
    outfile,
    plugins,
    bundle: true,
    minifySyntax: true,
    packages: 'external',
    format: 'esm',
    target: 'es2022',
  });
  return outfile;
};

export const buildBuses = async () => ({
  with: await buildBus('bus-with-options', []),
  without: await buildBus('bus-without-options', [removeOptions]),
});
