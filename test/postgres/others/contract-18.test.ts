import { fromPg, postgres } from 'mapbus/postgres';
import { expect, it } from 'vitest';
import { runContract } from '../server/run-contract.ts';
import { findServer18, openPool } from '../server/support.ts';
import { contractSetup } from '../support.ts';

const url = await findServer18();

if (url !== undefined) {
  const pool = openPool(url);

  it('the server has the version 18', async () => {
    const { rows } = await pool.query('SHOW server_version_num');
    expect(Number(rows[0].server_version_num)).toBeGreaterThanOrEqual(180_000);
  });
  runContract({ 'pg on Postgres 18': contractSetup(() => fromPg(pool), postgres) });
}
