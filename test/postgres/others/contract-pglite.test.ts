import { PGlite } from '@electric-sql/pglite';
import { fromPglite, outbox, postgres } from 'mapbus/postgres';
import { clausesFor, rehearsal } from 'mapbus/testing';
import { describe, it } from 'vitest';
import { contractSetup } from '../support.ts';

const client = new PGlite();
const broker = rehearsal();
const setups = {
  postgres: contractSetup(() => fromPglite(client), postgres),
  'outbox before rehearsal': contractSetup(
    () => fromPglite(client),
    (options) => outbox({ ...options, transport: broker }),
  ),
};

for (const [name, setup] of Object.entries(setups))
  describe(`the contract of transports, over ${name} on PGlite`, async () => {
    for (const clause of await clausesFor(setup)) it(clause.name, () => clause.run(setup), 60_000);
  });
