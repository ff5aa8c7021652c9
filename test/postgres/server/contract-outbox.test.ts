import { fromPg, outbox } from 'mapbus/postgres';
import { rehearsal } from 'mapbus/testing';
import { contractSetup } from '../support.ts';
import { runContract } from './run-contract.ts';
import { findServer, openPool } from './support.ts';

const url = await findServer();

if (url !== undefined) {
  const pool = openPool(url);
  const broker = rehearsal();
  runContract({
    'an outbox in pg, before rehearsal': contractSetup(
      () => fromPg(pool),
      (options) => outbox({ ...options, transport: broker }),
    ),
  });
}
