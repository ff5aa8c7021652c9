import { fromPg, fromPostgresJs, outbox } from 'mapbus/postgres';
import { rehearsal } from 'mapbus/testing';
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
  const brokers = { pg: rehearsal(), js: rehearsal() };
  runContract({
    'an outbox in pg, before rehearsal': contractSetup(
      () => fromPg(pool),
      (options) => outbox({ ...options, transport: brokers.pg }),
    ),
    'an outbox in postgres.js, before rehearsal': contractSetup(
      () => fromPostgresJs(client),
      (options) => outbox({ ...options, transport: brokers.js }),
    ),
  });
}
