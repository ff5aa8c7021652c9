import { fromPg, fromPostgresJs, postgres } from 'mapbus/postgres';
import { Pool } from 'pg';
import postgresJs from 'postgres';
import { afterAll } from 'vitest';
import { contractSetup } from '../support.ts';
import { runContract } from './run-contract.ts';
import { findServer } from './support.ts';

const url = await findServer();

if (url !== undefined) {
  const pool = new Pool({ connectionString: url, max: 30 });
  const client = postgresJs(url, { max: 30, onnotice: () => {} });
  afterAll(async () => {
    await Promise.all([pool.end(), client.end()]);
  });
  runContract({
    pg: contractSetup(() => fromPg(pool), postgres),
    'postgres.js': contractSetup(() => fromPostgresJs(client), postgres),
  });
}
