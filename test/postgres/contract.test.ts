import { PGlite } from '@electric-sql/pglite';
import { fromPglite, postgres } from 'mapbus/postgres';
import { type ContractSetup, clausesFor } from 'mapbus/testing';
import type { Transport } from 'mapbus/transport';
import { it } from 'vitest';
import { begin, silenceable } from './support.ts';

const client = new PGlite();
const silences = new Map<Transport, () => void>();
const setup: ContractSetup = {
  connect: () => {
    const { database, silence } = silenceable(fromPglite(client));
    const transport = postgres({ database, leaseMs: 1_000, pollMs: 50 });
    silences.set(transport, silence);
    return transport;
  },
  kill: (transport) => silences.get(transport)?.(),
  begin: () => begin(fromPglite(client)),
  leaseMs: 1_000,
};

for (const { name, run } of await clausesFor(setup)) it(name, () => run(setup), 60_000);
