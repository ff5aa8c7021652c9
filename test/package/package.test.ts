import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const manifest = JSON.parse(read('package.json')) as {
  readonly main: string;
  readonly types: string;
  readonly exports: Record<string, { readonly import: { readonly types: string } }>;
  readonly typesVersions: { readonly '*': Record<string, readonly string[]> };
  readonly peerDependencies: Record<string, string>;
  readonly peerDependenciesMeta: Record<string, unknown>;
  readonly dependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
};

const consumers = JSON.parse(read('scripts/consumers/package.json')) as Pick<typeof manifest, 'dependencies'>;

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
/** The entries, as `import` names them after the name of the package. */
const entries = Object.keys(manifest.exports).filter((path) => path !== './package.json');

describe('the package', () => {
  it('has an export for every entry, and an entry for every export', () => {
    const folders = sources.filter((path) => path.endsWith('index.ts')).map((path) => join(path, '..'));
    const names = folders.map((folder) => (folder === '.' ? '.' : `./${folder}`));

    expect(entries.toSorted()).toEqual(names.sort());
  });

  it('names the types of every entry also for resolvers that do not read `exports`', () => {
    const typesOf = (entry: string) =>
      entry === '.' ? manifest.types : manifest.typesVersions['*'][entry.slice(2)]?.join();

    expect(entries.map(typesOf)).toEqual(entries.map((entry) => manifest.exports[entry]?.import.types));
  });

  it('holds what users need and nothing else', () => {
    const output = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      cwd: root,
      encoding: 'utf8',
    });
    const [pack] = JSON.parse(output) as { files: { path: string }[] }[];
    const files = pack?.files.map(({ path }) => path).filter((path) => !path.startsWith('dist/'));
    const pages = readdirSync(join(root, 'docs')).map((page) => `docs/${page}`);

    expect(files?.sort()).toEqual([...['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json'], ...pages].sort());
  });

  it('accepts its optional clients from the tested version on, below an upper bound', () => {
    const bounds = Object.entries(manifest.peerDependencies).map(([name, range]) => {
      const [, lowest, next] = /^>=(\d+\.\d+\.\d+) <(\d+)$/.exec(range) ?? [];
      return [name, lowest, Number(next) > Number.parseInt(lowest ?? '', 10)];
    });

    const tested = { ...manifest.devDependencies, ...consumers.dependencies };
    expect(bounds).toEqual(Object.keys(manifest.peerDependenciesMeta).map((name) => [name, tested[name], true]));
  });
});

describe('the sources', () => {
  it('have a bus that imports itself, what is shared, and uuidv7', () => {
    expect(outsideOf('bus').filter((from) => !from.startsWith('shared/'))).toEqual(['uuidv7']);
  });

  it('have shared modules that import nothing but each other and types of the bus', () => {
    expect(outsideOf('shared')).toEqual(['bus/types.ts']);
  });

  it('have no cycle of imports', () => {
    const known = new Set(sources);
    // What was seen without a cycle has none, however it is reached.
    const seen = new Set<string>();
    const visit = (path: string, above: readonly string[]): void => {
      expect(above).not.toContain(path);
      if (seen.has(path)) return;
      for (const from of importsOf(path)) if (known.has(from)) visit(from, [...above, path]);
      seen.add(path);
    };

    for (const path of sources) visit(path, []);
  });

  it('have no class', () => {
    const classesIn = (node: ts.Node): ts.Node[] => [
      ...(ts.isClassLike(node) ? [node] : []),
      ...node.getChildren().flatMap(classesIn),
    ];
    const withClass = sources.filter((path) => {
      const text = read(join('src', path));
      return classesIn(ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true)).length > 0;
    });

    expect(withClass).toEqual([]);
  });

  it('have a bus that is checked without the globals of Node and of browsers', () => {
    const config = ts.getParsedCommandLineOfConfigFile(
      join(root, 'src/tsconfig.json'),
      {},
      {
        ...ts.sys,
        onUnRecoverableConfigFileDiagnostic: () => {},
      },
    );
    const checked = config?.fileNames.map((path) => path.slice(join(root, 'src/').length));
    const isOfBus = (path: string) => /^(bus|shared)\//.test(path);

    expect(checked?.filter(isOfBus).sort()).toEqual(sources.filter(isOfBus).sort());

    const probe = join(root, 'src/bus/probe.ts');
    const globals = ['process', 'Buffer', 'setImmediate', 'require', 'window', 'document', 'fetch', 'structuredClone'];
    const host = ts.createCompilerHost(config?.options ?? {});
    const { getSourceFile } = host;
    host.getSourceFile = (path, language) =>
      path === probe ? ts.createSourceFile(path, globals.join(';\n'), language) : getSourceFile(path, language);
    const program = ts.createProgram([probe, join(root, 'test/types/winter-tc.d.ts')], config?.options ?? {}, host);
    const unknown = program
      .getSemanticDiagnostics()
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '));

    expect(unknown.map((message) => /Cannot find name '(\w+)'/.exec(message)?.[1])).toEqual(globals);
  });
});

/** The lines of the repository that match, but for those of lock files. */
const grep = (pattern: string): string[] => {
  const args = ['grep', '--line-number', '--extended-regexp', pattern, '--', ':!*package-lock.json'];
  try {
    return execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim().split('\n');
  } catch (error) {
    // Git ends with 1 where nothing matches.
    if (error instanceof Error && 'status' in error && error.status === 1) return [];
    throw error;
  }
};

describe('the repository', () => {
  it('takes no path of a URL for a path of a file, which is wrong in a folder whose name has a space', () => {
    expect(grep(String.raw`import\.meta\.url\)\.pathname`)).toEqual([]);
  });

  it('names no folder of the sources that is gone', () => {
    expect(grep(String.raw`src/(base|core|helpers|transports)\b`)).toEqual([]);
  });
});
