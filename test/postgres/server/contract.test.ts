import { fromPg, fromPostgresJs, postgres } from 'mapbus/postgres';
import { clausesFor } from 'mapbus/testing';
import { Pool } from 'pg';
import postgresJs from 'postgres';
import { afterAll, describe, it } from 'vitest';
import { contractSetup } from '../support.ts';
import { findServer } from './support.ts';

const url = await findServer();

if (url !== undefined) {
  const pool = new Pool({ connectionString: url, max: 30 });
  const client = postgresJs(url, { max: 30, onnotice: () => {} });
  afterAll(async () => {
    await Promise.all([pool.end(), client.end()]);
  });
  const setups = {
    pg: contractSetup(() => fromPg(pool), postgres),
    'postgres.js': contractSetup(() => fromPostgresJs(client), postgres),
  };
  for (const [name, setup] of Object.entries(setups))
    describe(`the contract of transports, over ${name}`, async () => {
      for (const clause of await clausesFor(setup)) {
        const test = clause.alone ? it : it.concurrent;
        test(clause.name, () => clause.run(setup), 60_000);
      }
    });
}
