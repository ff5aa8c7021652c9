import { fromPg, postgres } from 'mapbus/postgres';
import { Pool } from 'pg';
import { afterAll, expect, it } from 'vitest';
import { contractSetup } from '../support.ts';
import { runContract } from './run-contract.ts';
import { findServer18 } from './support.ts';

const url = await findServer18();

if (url !== undefined) {
  const pool = new Pool({ connectionString: url, max: 30 });
  afterAll(() => pool.end());

  it('the server has the version 18', async () => {
    const { rows } = await pool.query('SHOW server_version_num');
    expect(Number(rows[0].server_version_num)).toBeGreaterThanOrEqual(180_000);
  });
  runContract({ 'pg on Postgres 18': contractSetup(() => fromPg(pool), postgres) });
}
