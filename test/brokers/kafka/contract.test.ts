import { Producer } from '@platformatic/kafka';
import { type ContractSetup, clausesFor } from 'mapbus/testing';
import type { Transport } from 'mapbus/transport';
import { describe, it } from 'vitest';
import { ensureService } from '../../../scripts/services/main.ts';
import { available } from '../support.ts';
import { type Process, startProcess } from './processes.ts';

/** The topic of an event. Kafka takes a.b and a_b for one name, so that our topics have no underscores. */
const topicOf = (name: string) =>
  `mapbus.events.${name.replace(/[-_]/g, (character) => (character === '-' ? '--' : '-u'))}`;

const createSetup = (url: string): ContractSetup => {
  const processes = new WeakMap<Transport, Process>();
  const connect = () => {
    const process = startProcess({ brokers: url.split(','), sessionTimeoutMs: 2_000, commitIntervalMs: 100 });
    processes.set(process.transport, process);
    return process.transport;
  };
  const publishForeign: ContractSetup['publishForeign'] = async (name, body, headers) => {
    const toBytes = (text: string | null | undefined) => (text == null ? undefined : Buffer.from(text));
    const producer = new Producer<Buffer, Buffer, string, string | null>({
      clientId: 'foreign',
      bootstrapBrokers: url.split(','),
      serializers: { headerKey: toBytes, headerValue: toBytes },
    });
    await producer.send({ messages: [{ topic: topicOf(name), value: Buffer.from(body), headers }] });
    await producer.close();
  };
  return {
    connect,
    kill: (transport) => processes.get(transport)?.freeze(),
    publishForeign,
    ownHeaders: ['mapbus-attempt', 'mapbus-not-before', 'ce_specversion', 'content-type'],
    leaseMs: 2_000,
    quietMs: 500,
  };
};

describe.each(await available(['kafka']))('the contract of transports over %s', async (kind) => {
  const setup = createSetup((await ensureService(kind)).url);
  const clauses = await clausesFor(setup);

  for (const { name, alone, run } of clauses) (alone ? it : it.concurrent)(name, () => run(setup), 120_000);
});
