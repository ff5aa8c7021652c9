import { readFileSync } from 'node:fs';

/** The installed version of a package: of a peer, or of what the project itself has for `../node_modules`. */
export const versionOf = (name: string, modules = 'node_modules'): string => {
  const path = new URL(`${modules}/${name}/package.json`, import.meta.url);
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
};
