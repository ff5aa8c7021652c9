import { transformAsync } from '@babel/core';
import { transform } from 'esbuild';
import { compile } from 'svelte/compiler';
import type { Plugin } from 'vite';
import { compileScript, parse } from 'vue/compiler-sfc';

const isOfServer = (options: { ssr?: boolean | undefined } | undefined): boolean => options?.ssr === true;

/** Compiles components of Vue that have a `<script setup lang="ts">` and no style. */
export const vue: Plugin = {
  name: 'vue',
  async transform(code, id, options) {
    if (!id.endsWith('.vue')) return undefined;
    const ssr = isOfServer(options);
    const { descriptor } = parse(code, { filename: id });
    const { content } = compileScript(descriptor, {
      id,
      inlineTemplate: true,
      templateOptions: { ssr, ssrCssVars: [] },
    });
    return (await transform(content, { loader: 'ts' })).code;
  },
};

export const svelte: Plugin = {
  name: 'svelte',
  transform(code, id, options) {
    if (!id.endsWith('.svelte')) return undefined;
    return compile(code, { filename: id, generate: isOfServer(options) ? 'server' : 'client' }).js.code;
  },
};

/** Compiles the modules whose names begin with `solid-`. */
export const solid: Plugin = {
  name: 'solid',
  enforce: 'pre',
  async transform(code, id, options) {
    if (!/\/solid-[\w-]+\.tsx$/.test(id)) return undefined;
    const generate = isOfServer(options) ? 'ssr' : 'dom';
    const compiled = await transformAsync(code, {
      filename: id,
      presets: [['babel-preset-solid', { generate, hydratable: true }], '@babel/preset-typescript'],
      babelrc: false,
      configFile: false,
    });
    return compiled?.code ?? undefined;
  },
};

/** Compiles components and hooks of React with the React Compiler, and fails for what it cannot compile. */
export const reactCompiler: Plugin = {
  name: 'react-compiler',
  enforce: 'pre',
  async transform(code, id) {
    if (!/\.tsx?$/.test(id) || id.includes('/node_modules/')) return undefined;
    const compiled = await transformAsync(code, {
      filename: id,
      plugins: [
        ['babel-plugin-react-compiler', { panicThreshold: 'all_errors' }],
        ['@babel/plugin-syntax-typescript', { isTSX: id.endsWith('.tsx') }],
      ],
      babelrc: false,
      configFile: false,
    });
    return compiled?.code ?? undefined;
  },
};
