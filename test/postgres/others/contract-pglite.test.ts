import { PGlite } from '@electric-sql/pglite';
import { fromPglite, postgres } from 'mapbus/postgres';
import { clausesFor } from 'mapbus/testing';
import { describe, it } from 'vitest';
import { contractSetup, outboxSetup } from '../support.ts';

const client = new PGlite();
const setups = {
  postgres: contractSetup(() => fromPglite(client), postgres),
  'outbox before rehearsal': outboxSetup(() => fromPglite(client)),
};

for (const [name, setup] of Object.entries(setups))
  describe(`the contract of transports, over ${name} on PGlite`, async () => {
    for (const clause of await clausesFor(setup)) it(clause.name, () => clause.run(setup), 60_000);
  });
