import { fromPg, fromPostgresJs, outbox } from 'mapbus/postgres';
import { rehearsal } from 'mapbus/testing';
import { contractSetup } from '../support.ts';
import { runContract } from './run-contract.ts';
import { findServer, openClients } from './support.ts';

const url = await findServer();

if (url !== undefined) {
  const { pool, client } = openClients(url);
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
