import { kafka } from 'mapbus/kafka';
import { rabbitmq } from 'mapbus/rabbitmq';
import { describe, it } from 'vitest';
import { ensureService } from '../../scripts/services/main.ts';
import { type ContractSetup, transportContract } from '../../src/old-seam/contract.ts';
import { available } from './support.ts';

// An exchange of its own, since the queues of subscribeAll stay at the broker and would take the events of other tests.
const names = { exchange: `contract-${Date.now()}` };

const connectors = {
  rabbitmq: (url: string): ContractSetup['connect'] => {
    return (options) => rabbitmq({ ...options, url, names });
  },
  'rabbitmq with a single active consumer': (url: string): ContractSetup['connect'] => {
    return (options) => rabbitmq({ ...options, url, names, singleActiveConsumer: true });
  },
  kafka: (url: string): ContractSetup['connect'] => {
    const brokers = url.split(',');
    return (options) => kafka({ ...options, brokers });
  },
};

const kinds = await available(['rabbitmq', 'kafka']);
const chosen = Object.entries(connectors).flatMap(([name, connector]) =>
  kinds.flatMap((kind) => (name.startsWith(kind) ? [[name, kind, connector] as const] : [])),
);

describe.each(chosen)('%s keeps the contract of transports', async (_, kind, connector) => {
  const { url } = await ensureService(kind);
  const connect = connector(url);
  const { features } = connect({ service: 'features' });

  for (const { name, needs, run } of transportContract) {
    if (!needs.every((feature) => features[feature])) continue;
    it(name, () => run({ connect, timeoutMs: 30_000 }), 60_000);
  }
});
