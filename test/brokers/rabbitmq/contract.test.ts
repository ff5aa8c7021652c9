import { type ContractSetup, clausesFor } from 'mapbus/testing';
import { Connection } from 'rabbitmq-client';
import { afterAll, describe, it } from 'vitest';
import { HEADERS } from '../../../src/rabbitmq/message.ts';
import { available } from '../support.ts';
import { createProcesses, openHost } from './support.ts';

const isThere = (await available(['rabbitmq'])).length > 0;

describe.runIf(isThere)('rabbitmq() keeps the contract', async () => {
  const host = await openHost('contract');
  const processes = await createProcesses(host.url);
  const client = new Connection(host.url);
  const publisher = client.createPublisher({ confirm: true });
  const setup: ContractSetup = {
    connect: processes.connect,
    kill: processes.kill,
    timeoutMs: 60_000,
    quietMs: 500,
    // The broker gives the events of a silent process back after two heartbeats.
    leaseMs: 3_000,
    ownHeaders: Object.values(HEADERS),
    publishForeign: async (name, body, headers) => {
      await publisher.send({ exchange: 'mapbus.events', routingKey: name, headers: { ...headers } }, Buffer.from(body));
    },
  };
  afterAll(async () => {
    await publisher.close();
    await client.close();
    processes.close();
    await host.close();
  });

  for (const { name, alone, run } of await clausesFor(setup)) {
    const test = alone ? it.sequential : it.concurrent;
    test(name, () => run(setup), 120_000);
  }
});
