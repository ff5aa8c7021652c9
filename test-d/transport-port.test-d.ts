import { createServiceBus, memory } from 'mapbus/service';
import type { Connection, Delivery, Message, OperatorTools, Outcome, PlanEntry, Transport } from 'mapbus/transport';

interface AppEvents {
  'order.placed': { orderId: string };
}
interface Transaction {
  query: (sql: string) => Promise<void>;
}

// What an author writes.
declare const connection: Connection;
const custom = (): Transport => ({
  connect: ({ service, namespace, report }) => {
    report('debug', 'connected', { service, namespace });
    return {
      ...connection,
      publish: async ({ name, body }: Message, { signal }) => {
        signal.throwIfAborted();
        return { unrouted: name === body };
      },
      consume: async ({ consumer, names }, deliver) => {
        const outcome = await deliver({} as Delivery);
        if (outcome.is === 'retry') report('debug', consumer, { names, after: outcome.afterMs });
        return { stop: async () => {} };
      },
    };
  },
});
createServiceBus<AppEvents>({ service: 'shop', transport: custom(), sends: 'all' });
const retry: Outcome = { is: 'retry', attempt: 2, afterMs: 1_000, error: { name: 'Error', message: 'refused' } };
// @ts-expect-error: a retry says when
const without: Outcome = { is: 'retry', attempt: 2, error: { name: 'Error', message: 'refused' } };
// @ts-expect-error: no such outcome
const unknownOutcome: Outcome = { is: 'lost' };
// @ts-expect-error: no connection
createServiceBus<AppEvents>({ service: 'shop', transport: { connect: () => {} }, sends: 'all' });
// @ts-expect-error: a connection is no transport
createServiceBus<AppEvents>({ service: 'shop', transport: connection, sends: 'all' });

// One that enlists says in which sessions; one that does not fits every bus.
const enlisting = (_client: Transaction): Transport<Transaction> => ({ connect: () => connection });
declare const client: Transaction;
const inTransaction: Transport<Transaction> = memory();
const inMore: Transport<Transaction & { name: string }> = enlisting(client);
createServiceBus<AppEvents, Transaction>({ service: 'shop', transport: enlisting(client), sends: 'all' });
createServiceBus<AppEvents, Transaction>({ service: 'shop', transport: custom(), sends: 'all' });
// @ts-expect-error: sessions of another type
const inAnother: Transport<{ run: () => void }> = enlisting(client);
// @ts-expect-error: any session
const inAny: Transport = enlisting(client);
// @ts-expect-error: sessions of another type
createServiceBus<AppEvents, { run: () => void }>({ service: 'shop', transport: enlisting(client), sends: 'all' });

export { inAnother, inAny, inMore, inTransaction, retry, unknownOutcome, without };

// What serves operators.
const operator: OperatorTools = {
  consumers: async () => [
    {
      consumer: 'charge-card',
      names: undefined,
      inForce: true,
      waiting: undefined,
      isRun: false,
      processes: undefined,
      lastSeenAt: undefined,
    },
  ],
  remove: async (consumer) => consumer !== '',
  compare: async (specs) => specs.map(({ consumer }) => ({ what: consumer, is: 'missing', detail: undefined })),
  tail: async (wanted, tell) => {
    if (typeof wanted !== 'function') for (const name of wanted) tell(name);
    else if (wanted('order.placed')) tell(new Uint8Array());
    return { stop: async () => {} };
  },
};
const served: Connection = { ...connection, operator };
const unserved: Connection = { ...connection, operator: undefined };
// @ts-expect-error: what cannot be told is said to be undefined
const lacking: OperatorTools['consumers'] = async () => [{ consumer: 'charge-card', inForce: true, isRun: false }];
// @ts-expect-error: no such difference
const entry: PlanEntry = { what: 'queue', is: 'lost', detail: undefined };
// @ts-expect-error: all four, or none
const partly: OperatorTools = { consumers: async () => [] };
