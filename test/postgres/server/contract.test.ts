import { fromPg, postgres } from 'mapbus/postgres';
import { contractSetup } from '../support.ts';
import { runContract } from './run-contract.ts';
import { findServer, openPool } from './support.ts';

const url = await findServer();

if (url !== undefined) {
  const pool = openPool(url);
  runContract({ pg: contractSetup(() => fromPg(pool), postgres) });
}
