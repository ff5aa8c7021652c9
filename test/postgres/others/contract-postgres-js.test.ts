import { fromPostgresJs, outbox, postgres } from 'mapbus/postgres';
import { rehearsal } from 'mapbus/testing';
import postgresJs from 'postgres';
import { afterAll } from 'vitest';
import { runContract } from '../server/run-contract.ts';
import { findServer } from '../server/support.ts';
import { contractSetup } from '../support.ts';

const url = await findServer();

if (url !== undefined) {
  const client = postgresJs(url, { max: 30, onnotice: () => {} });
  afterAll(() => client.end());
  const broker = rehearsal();
  runContract({
    'postgres.js': contractSetup(() => fromPostgresJs(client), postgres),
    'an outbox in postgres.js, before rehearsal': contractSetup(
      () => fromPostgresJs(client),
      (options) => outbox({ ...options, transport: broker }),
    ),
  });
}
