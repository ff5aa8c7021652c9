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
const importsOf = (path: string) =>
  [...read(join('src', path)).matchAll(/from '([^']+)'/g)].map(([, from = '']) => from);

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

  it('has a core that imports itself, the types and uuidv7', () => {
    const core = sources.filter((path) => path.startsWith('core/'));
    const outside = core
      .flatMap(importsOf)
      .map((from) => (from.startsWith('.') ? normalize(join('core', from)) : from))
      .filter((from) => !from.startsWith('core/'));

    expect([...new Set(outside)].sort()).toEqual(['types.ts', 'uuidv7']);
  });

  it('has no function of more than 40 lines in the core, or 90 around it', () => {
    const long: string[] = [];
    for (const path of sources) {
      const file = ts.createSourceFile(path, read(join('src', path)), ts.ScriptTarget.Latest, true);
      const lineOf = (position: number) => file.getLineAndCharacterOfPosition(position).line + 1;
      const visit = (node: ts.Node): void => {
        const lines = lineOf(node.end) - lineOf(node.getStart()) + 1;
        const limit = /^(core|helpers)\//.test(path) ? 40 : 90;
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
      const inner = importsOf(path).filter((from) => from.startsWith('.'));
      for (const from of inner) visit(normalize(join(path, '..', from)), [...above, path]);
    };

    for (const path of sources) visit(path, []);
  });
});
