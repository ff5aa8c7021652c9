import { PGlite } from '@electric-sql/pglite';
import { fromPglite, postgres } from 'mapbus/postgres';
import { clausesFor } from 'mapbus/testing';
import { it } from 'vitest';
import { contractSetup } from './support.ts';

const client = new PGlite();
const setup = contractSetup(() => fromPglite(client), postgres);

for (const { name, run } of await clausesFor(setup)) it(name, () => run(setup), 60_000);
