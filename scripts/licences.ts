// Which licences come to whoever installs the package: of its dependencies, of its peers, of what is bundled into it, and
// of all that those depend on.
import { readFileSync } from 'node:fs';
import tsupConfig from '../tsup.config.ts';

interface Manifest {
  readonly name: string;
  readonly license?: unknown;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

const ALLOWED = new Set(['MIT', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', 'Apache-2.0', '0BSD']);

const read = (path: string): Manifest =>
  JSON.parse(readFileSync(new URL(path, new URL('../', import.meta.url)), 'utf8'));

const own = read('package.json');
const configs: readonly unknown[] = [tsupConfig].flat();
const bundled = configs.flatMap((config) => (config as { noExternal?: string[] }).noExternal ?? []);

/** Each package once, with its licence. */
export const licences = (): Map<string, unknown> => {
  const found = new Map<string, unknown>();
  const visit = (name: string): void => {
    if (found.has(name)) return;
    const { license, dependencies = {} } = read(`node_modules/${name}/package.json`);
    found.set(name, license);
    Object.keys(dependencies).forEach(visit);
  };
  [...Object.keys(own.dependencies ?? {}), ...Object.keys(own.peerDependencies ?? {}), ...bundled].forEach(visit);
  return found;
};

/** What must not come with the package, as `name: licence`. */
export const refusedLicences = (): string[] =>
  [...licences()]
    .filter(([, licence]) => !ALLOWED.has(String(licence)))
    .map(([name, licence]) => `${name}: ${licence}`);
