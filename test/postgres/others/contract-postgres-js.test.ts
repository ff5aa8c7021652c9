import { fromPostgresJs, postgres } from 'mapbus/postgres';
import postgresJs from 'postgres';
import { afterAll } from 'vitest';
import { runContract } from '../server/run-contract.ts';
import { findServer } from '../server/support.ts';
import { contractSetup, outboxSetup } from '../support.ts';

const url = await findServer();

if (url !== undefined) {
  const client = postgresJs(url, { max: 30, onnotice: () => {} });
  afterAll(() => client.end());
  runContract({
    'postgres.js': contractSetup(() => fromPostgresJs(client), postgres),
    'an outbox in postgres.js, before rehearsal': outboxSetup(() => fromPostgresJs(client)),
  });
}
