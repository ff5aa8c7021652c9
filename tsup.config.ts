import { readFileSync } from 'node:fs';
import type { Plugin } from 'esbuild';
import { defineConfig, type Options } from 'tsup';

const entries: Options = {
  entry: {
    index: 'src/index.ts',
    kafka: 'src/kafka/index.ts',
    link: 'src/link/index.ts',
    postgres: 'src/postgres/index.ts',
    rabbitmq: 'src/rabbitmq/index.ts',
    react: 'src/react/index.ts',
    testing: 'src/testing/index.ts',
    service: 'src/service/index.ts',
    sse: 'src/sse/index.ts',
    transport: 'src/transport/index.ts',
    url: 'src/url/index.ts',
  },
  format: ['esm', 'cjs'],
  dts: {
    // tsup sets an option that TypeScript 6 calls deprecated.
    compilerOptions: { ignoreDeprecations: '6.0' },
    // For consumers whose libs have no Symbol.dispose yet. In a source file, the bundler of the types would drop it.
    banner: '/// <reference lib="esnext.disposable" />',
  },
  target: 'es2022',
  platform: 'neutral',
  splitting: true,
  treeshake: true,
  sourcemap: true,
  clean: true,
  // Some runtimes know the modules of Node only by their full names.
  removeNodeProtocol: false,
  external: [/^node:/],
};

/** The command line uses the entries that are built beside it, and has no second copy of them. */
const besideIt: Plugin = {
  name: 'entries beside the command line',
  setup: (build) => {
    build.onResolve({ filter: /^\.\.\/(url|service)\/index\.ts$/ }, ({ path }) => ({
      path: path.replace('../', './').replace('/index.ts', '.js'),
      external: true,
    }));
  },
};

const licenceOf = (name: string): string => {
  const read = (file: string) => readFileSync(new URL(`node_modules/${name}/${file}`, import.meta.url), 'utf8');
  return `/*! This file has ${name} ${JSON.parse(read('package.json')).version} in it:\n${read('LICENSE')}*/`;
};

/** `npx mapbus`. What parses its arguments is in it, so that the package depends on nothing for it. */
const commandLine: Options = {
  entry: { cli: 'src/cli/main.ts' },
  format: ['esm'],
  target: 'node20',
  platform: 'node',
  splitting: false,
  sourcemap: false,
  // With tsup's `treeshake`, the comment with the licence would be gone.
  clean: false,
  removeNodeProtocol: false,
  noExternal: ['commander'],
  esbuildPlugins: [besideIt],
  banner: {
    js: [
      '#!/usr/bin/env node',
      licenceOf('commander'),
      "import { createRequire } from 'node:module';",
      'const require = createRequire(import.meta.url);',
    ].join('\n'),
  },
};

export default defineConfig([entries, commandLine]);
