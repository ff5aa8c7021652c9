import { fromPg } from 'mapbus/postgres';
import { outboxSetup } from '../support.ts';
import { runContract } from './run-contract.ts';
import { findServer, openPool } from './support.ts';

const url = await findServer();

if (url !== undefined) {
  const pool = openPool(url);
  runContract({
    'an outbox in pg, before rehearsal': outboxSetup(() => fromPg(pool)),
  });
}
