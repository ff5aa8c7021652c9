import { expect, it } from 'vitest';
import { writeSamples } from '../../scripts/readme.ts';
import { expectedSteps } from './in-page.ts';
import { runInPage, serve } from './open-page.ts';
import { solid, svelte, vue } from './plugins.ts';

writeSamples();
const svelteModules = ['svelte', 'svelte/internal/client', 'svelte/internal/disclose-version'];

it.each([
  ['Vue', 'frameworks/vue.page.ts', vue, ['vue']],
  ['Svelte', 'frameworks/svelte.page.ts', svelte, svelteModules],
  ['Solid', 'frameworks/solid-page.tsx', solid, ['solid-js', 'solid-js/web']],
  [
    'Angular',
    'frameworks/angular.page.ts',
    undefined,
    ['@angular/compiler', '@angular/core', '@angular/platform-browser'],
  ],
  ['Lit', 'frameworks/lit.page.ts', undefined, ['lit']],
])(
  'the sample of %s shows the cart and the toast, and leaves no handler behind',
  async (_, path, plugin, packages) => {
    const server = await serve({ folder: 'test', plugins: [plugin], packages });

    expect(await runInPage(server, path)).toEqual(expectedSteps);
  },
  60_000,
);

it('Svelte hears what a child publishes in its first effect in `$effect.pre`, and not in `$effect`', async () => {
  const server = await serve({ folder: 'test', plugins: [svelte], packages: svelteModules });

  expect(await runInPage(server, 'frameworks/first-effect.page.ts')).toBe('1 0');
}, 60_000);
