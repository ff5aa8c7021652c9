import { Pool } from 'pg';
import { afterAll } from 'vitest';
import { ensureService } from '../../../scripts/services/main.ts';
import { ensurePgBouncer } from '../../../scripts/services/pgbouncer.ts';
import { ensurePostgres18 } from '../../../scripts/services/postgres-18.ts';
import { tryToInstall } from '../../../scripts/try-to-install.ts';

/** Missing where it cannot be installed, which is named, and is a failure when `CI` is set. */
const find = async (name: string, ensure: () => Promise<string>): Promise<string | undefined> => {
  let url: string | undefined;
  await tryToInstall(name, async () => {
    url = await ensure();
  });
  return url;
};

/** Where a server is. */
export const findServer = () => find('postgres', async () => (await ensureService('postgres')).url);

/** Where the same server is through PgBouncer, which gives a connection to each transaction. */
export const findPgBouncer = () =>
  find('pgbouncer', async () => ensurePgBouncer((await ensureService('postgres')).url));

/** Where a server of the newest version is. */
export const findServer18 = () => find('postgres-18', ensurePostgres18);

/** A pool of connections to a server, closed after the tests of the file. */
export const openPool = (url: string): Pool => {
  const pool = new Pool({ connectionString: url, max: 30 });
  afterAll(() => pool.end());
  return pool;
};
