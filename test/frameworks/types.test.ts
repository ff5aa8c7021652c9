import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { writeSamples } from '../../scripts/readme.ts';

writeSamples();

const pathOf = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** Checks a sample, as it is or changed. Returns what the checker of the framework says, which is nothing if all is well. */
type Check = (change?: (code: string) => string) => string;

/** A folder with the samples, and the command that checks it. */
const createCheck =
  (files: readonly string[], command: (folder: string) => readonly string[]): Check =>
  (change = (code) => code) => {
    const folder = mkdtempSync(pathOf('test/.types-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    for (const file of files) copyFileSync(pathOf(`test/generated/frameworks/${file}`), join(folder, file));
    const [component = ''] = files;
    const code = readFileSync(join(folder, component), 'utf8');
    const changed = change(code);
    writeFileSync(join(folder, component), changed);
    const tsconfig = { extends: pathOf('test/tsconfig.json'), include: ['*'], exclude: [] };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig));
    const { status, stdout, stderr } = spawnSync(process.execPath, command(folder), { encoding: 'utf8', cwd: folder });
    return status === 0 ? '' : stdout + stderr;
  };

const samples: readonly (readonly [string, Check, string])[] = [
  [
    'Vue',
    createCheck(['CartView.vue', 'vue-shop.ts', 'shop.ts'], (folder) => [
      pathOf('node_modules/vue-tsc/bin/vue-tsc.js'),
      '--noEmit',
      '-p',
      folder,
    ]),
    '{{ items.length }}',
  ],
  [
    'Svelte',
    createCheck(['CartView.svelte', 'shop.ts'], (folder) => [
      pathOf('node_modules/svelte-check/bin/svelte-check'),
      ...['--workspace', folder, '--tsconfig', './tsconfig.json', '--output', 'human'],
    ]),
    '{$cart.length}',
  ],
];

describe.each(samples)('the sample of %s', (_, check, shown) => {
  it('has right types, in its script and in its template', () => {
    expect(check()).toBe('');
  }, 120_000);

  it('does not compile with a wrong name of an event, nor with a template that takes the cart for something else', () => {
    const said = check((code) =>
      code.replace(`'item.added'`, `'item.aded'`).replace(shown, shown.replace('length', 'size')),
    );

    expect(said).toContain('item.aded');
    expect(said).toMatch(/Property 'size' does not exist/);
  }, 120_000);
});
