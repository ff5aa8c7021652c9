import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, normalize } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const root = new URL('../../', import.meta.url).pathname;
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
  it('has an export for every door and a door for every export', () => {
    const { exports } = JSON.parse(read('package.json')) as { exports: Record<string, unknown> };
    const doors = sources.filter((path) => path.endsWith('index.ts')).map((path) => join('.', path, '..'));
    // The core stands at the top, a transport is asked for by its own name.
    const names = doors.map((folder) => (folder === '.' ? '.' : `./${folder.replace('transports/', '')}`));

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

  it('has a base that imports itself, the types and uuidv7, and a core that imports no more than these', () => {
    expect(outsideOf('base')).toEqual(['types.ts', 'uuidv7']);
    expect(outsideOf('core').filter((from) => !from.startsWith('base/'))).toEqual(['types.ts']);
  });

  it('has in its base only what more than the core is built on', () => {
    const used = new Set<string>();
    const useImportsOf = (path: string): void => {
      for (const from of importsOf(path)) {
        if (!from.startsWith('base/') || used.has(from)) continue;
        used.add(from);
        useImportsOf(from);
      }
    };
    for (const path of sources) if (!/^(core|base)\//.test(path)) useImportsOf(path);

    expect([...used].sort()).toEqual(sources.filter((path) => path.startsWith('base/')).sort());
  });

  it('has a core of at most 300 lines, docstrings included', () => {
    const core = sources.filter((path) => path.startsWith('core/')).map((path) => read(join('src', path)));

    expect(core.join('').split('\n').length - 1).toBeLessThanOrEqual(300);
  });

  it('has no function of more than 40 lines in the base, the core and the helpers, or 90 around it', () => {
    const long: string[] = [];
    for (const path of sources) {
      const file = ts.createSourceFile(path, read(join('src', path)), ts.ScriptTarget.Latest, true);
      const lineOf = (position: number) => file.getLineAndCharacterOfPosition(position).line + 1;
      const visit = (node: ts.Node): void => {
        const lines = lineOf(node.end) - lineOf(node.getStart()) + 1;
        const limit = /^(base|core|helpers)\//.test(path) ? 40 : 90;
        if (ts.isFunctionLike(node) && lines > limit) long.push(`${path}:${lineOf(node.getStart())}`);
        ts.forEachChild(node, visit);
      };
      visit(file);
    }

    expect(long).toEqual([]);
  });

  it('has no cycle among its modules', () => {
    const visit = (path: string, above: readonly string[]): void => {
      expect(above).not.toContain(path);
      for (const from of importsOf(path)) if (sources.includes(from)) visit(from, [...above, path]);
    };

    for (const path of sources) visit(path, []);
  });
});
