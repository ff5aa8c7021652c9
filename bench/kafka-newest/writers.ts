// The ways to write that are compared. All gather batches and repeat them as the transport does, with the client's limits.
import { ProduceAcks, Producer } from '@platformatic/kafka';
import { createBatches } from '../../src/kafka/batches.ts';
import type { ProducerClient } from '../../src/kafka/client.ts';
import { isRefusal, isTimeout } from '../../src/kafka/errors.ts';
import { refuseMissingBroker } from '../../src/kafka/missing-broker.ts';
import { bytesOf, type NewRecord } from '../../src/kafka/records.ts';
import { createSendOnce } from '../../src/kafka/send-once.ts';
import { sleep } from '../../src/kafka/sleep.ts';

export interface Writer {
  /** Resolves when the broker has the record. */
  readonly write: (record: NewRecord, signal?: AbortSignal) => Promise<unknown>;
  readonly client: ProducerClient;
  readonly close: () => Promise<void>;
}

/** What the transport gives its client with a `publishTimeoutMs` of 9 s. */
const REQUEST_MS = 3_000;
const PAUSE_MS = 100;
const never = new AbortController().signal;
const toBytes = (text?: string) => (text === undefined ? undefined : Buffer.from(text));

const openClient = (broker: string, idempotent: boolean): ProducerClient => {
  const client = new Producer<Buffer, Buffer, string, string>({
    clientId: 'trial',
    bootstrapBrokers: [broker],
    metadataMaxAge: 30_000,
    timeout: REQUEST_MS,
    requestTimeout: REQUEST_MS,
    connectTimeout: REQUEST_MS,
    // The client makes it endless for an idempotent producer.
    retries: 0,
    ...(idempotent ? { idempotent, retryDelay: PAUSE_MS } : { repeatOnStaleMetadata: false }),
    serializers: { headerKey: toBytes, headerValue: toBytes },
  });
  refuseMissingBroker(client.connections);
  const open = new Set<{ destroy: () => void }>();
  client.on('client:broker:connect', (...payload: unknown[]) => {
    const { connection } = payload[0] as {
      connection: { socket: { destroy: () => void }; on: (event: 'error', listener: () => void) => void };
    };
    connection.on('error', () => {});
    open.add(connection.socket);
  });
  client.on('client:performWithRetry:failed', (...payload: unknown[]) => {
    const errors = payload[2];
    if (!Array.isArray(errors) || !errors.some(isTimeout)) return;
    for (const socket of open) socket.destroy();
    open.clear();
  });
  return client;
};

const closeQuietly = async (client: ProducerClient): Promise<void> => {
  try {
    await client.close(true);
  } catch {}
};

type SendBatch = (messages: NewRecord[]) => Promise<unknown>;

const openGathering = (client: ProducerClient, createSend: () => SendBatch): Writer => {
  const closed = new AbortController();
  const batches = new Map<string, ReturnType<typeof createBatches<NewRecord>>>();
  const batchesOf = (topic: string) => {
    const known = batches.get(topic);
    if (known) return known;
    const created = createBatches<NewRecord>({
      sendAll: createSend(),
      sizeOf: bytesOf,
      isRefusal,
      closed: closed.signal,
      pause: async () => {
        client.clearMetadata();
        await sleep(PAUSE_MS, closed.signal);
      },
    });
    batches.set(topic, created);
    return created;
  };
  const close = async () => {
    closed.abort(new Error('closed'));
    await Promise.race([closeQuietly(client), sleep(2_000)]);
  };
  return { write: (record, signal = never) => batchesOf(record.topic)(record, signal), client, close };
};

/** A request for each event, repeated by its publisher. */
const openSingle = (client: ProducerClient): Writer => {
  const write = async (record: NewRecord): Promise<void> => {
    for (;;) {
      try {
        await client.send({ acks: ProduceAcks.ALL, messages: [{ ...record }] });
        return;
      } catch {
        client.clearMetadata();
        await sleep(PAUSE_MS);
      }
    }
  };
  const close = async () => {
    await Promise.race([closeQuietly(client), sleep(2_000)]);
  };
  return { write, client, close };
};

export const writers = {
  'batches, not idempotent': (broker: string): Writer => {
    const client = openClient(broker, false);
    return openGathering(client, () => (messages) => client.send({ acks: ProduceAcks.ALL, messages }));
  },
  'batches, `idempotent: true`': (broker: string): Writer => {
    const client = openClient(broker, true);
    return openGathering(client, () => (messages) => client.send({ acks: ProduceAcks.ALL, messages }));
  },
  'batches, an epoch for each (mapbus)': (broker: string): Writer => {
    const client = openClient(broker, false);
    return openGathering(client, () => createSendOnce(client));
  },
  'one by one, not idempotent': (broker: string): Writer => openSingle(openClient(broker, false)),
  'one by one, `idempotent: true`': (broker: string): Writer => openSingle(openClient(broker, true)),
} satisfies Record<string, (broker: string) => Writer>;

export type WriterName = keyof typeof writers;
