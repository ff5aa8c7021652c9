import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter((path) =>
  path.endsWith('.ts'),
);
/** What a module imports: another of `src` by its path there, a package by its name. */
const importsOf = (path: string) =>
  [...read(join('src', path)).matchAll(/from '([^']+)'/g)].map(([, from = '']) =>
    from.startsWith('.') ? normalize(join(path, '..', from)) : from,
  );
/** What the modules of a folder import that is not in it. */
const outsideOf = (folder: string) => {
  const imports = sources.filter((path) => path.startsWith(`${folder}/`)).flatMap(importsOf);
  return [...new Set(imports)].filter((from) => !from.startsWith(`${folder}/`)).sort();
};

describe('the package', () => {
  it('has an export for every entry, and an entry for every export', () => {
    const { exports } = JSON.parse(read('package.json')) as { exports: Record<string, unknown> };
    const folders = sources.filter((path) => path.endsWith('index.ts')).map((path) => join(path, '..'));
    // Until the service bus is there, its folder holds what authors of transports import.
    const names = folders.map((folder) => (folder === '.' ? '.' : `./${folder.replace('service', 'transport')}`));

    expect(
      Object.keys(exports)
        .filter((path) => path !== './package.json')
        .sort(),
    ).toEqual(names.sort());
  });

  it('holds what users need and nothing else', () => {
    const output = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      cwd: root,
      encoding: 'utf8',
    });
    const [pack] = JSON.parse(output) as { files: { path: string }[] }[];
    const files = pack?.files.map(({ path }) => path).filter((path) => !path.startsWith('dist/'));

    expect(files?.sort()).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json']);
  });

  it('has a bus that imports itself, what is shared, and uuidv7', () => {
    expect(outsideOf('bus').filter((from) => !from.startsWith('shared/'))).toEqual(['uuidv7']);
  });

  it('has shared modules that import nothing but each other and types of the bus', () => {
    expect(outsideOf('shared')).toEqual(['bus/types.ts']);
  });

  it('has no cycle among its modules', () => {
    const visit = (path: string, above: readonly string[]): void => {
      expect(above).not.toContain(path);
      for (const from of importsOf(path)) if (sources.includes(from)) visit(from, [...above, path]);
    };

    for (const path of sources) visit(path, []);
  });
});
