import { fromPg, fromPostgresJs, postgres } from 'mapbus/postgres';
import { contractSetup } from '../support.ts';
import { runContract } from './run-contract.ts';
import { findServer, openClients } from './support.ts';

const url = await findServer();

if (url !== undefined) {
  const { pool, client } = openClients(url);
  runContract({
    pg: contractSetup(() => fromPg(pool), postgres),
    'postgres.js': contractSetup(() => fromPostgresJs(client), postgres),
  });
}
