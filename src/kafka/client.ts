import {
  Admin,
  type BaseOptions,
  type Connection as ClientConnection,
  Consumer,
  type GroupPartitionsAssigner,
  Producer,
} from '@platformatic/kafka';
import { within } from '../shared/time-limit.ts';
import { isTimeout } from './errors.ts';
import { refuseMissingBroker } from './missing-broker.ts';

export type ProducerClient = Producer<Buffer, Buffer, string, string>;
export type ConsumerClient = Consumer<Buffer, Buffer, Buffer, Buffer>;

/** A client and its sockets. */
export interface Client<Of> {
  readonly client: Of;
  /** Destroys its sockets: on a half-open one, everything would time out for ever. The client opens new ones. */
  readonly cut: () => void;
  /** Never rejects, and does not wait for a broker that is silent. */
  readonly close: () => Promise<void>;
}

const CLOSE_MS = 1_000;

const ignore = () => {};

/** Counts the open sockets of all clients. */
export const createSockets = () => {
  let open = 0;
  let since = new Date();
  let connects = 0;
  let isClosed = false;
  const change = (by: 1 | -1) => {
    const before = open > 0;
    open += by;
    if (before === open > 0) return;
    since = new Date();
    if (open > 0) connects++;
  };
  const close = () => {
    if (!isClosed) since = new Date();
    isClosed = true;
  };
  const health = () => ({ connected: !isClosed && open > 0, since, reconnects: Math.max(connects - 1, 0) });
  return { change, close, health };
};

export type Sockets = ReturnType<typeof createSockets>;

type AnyClient = Admin | ProducerClient | ConsumerClient;

const watch = <Of extends AnyClient>(client: Of, closeClient: () => Promise<void>, sockets: Sockets): Client<Of> => {
  refuseMissingBroker(client.connections);
  const open = new Set<ClientConnection>();
  const opened = ({ connection }: { connection: ClientConnection }) => {
    open.add(connection);
    sockets.change(1);
    // It listens once. A second error would end the process.
    connection.on('error', ignore);
    connection.once('close', () => {
      if (open.delete(connection)) sockets.change(-1);
    });
  };
  client.on('client:broker:connect', (...payload: unknown[]) => opened(payload[0] as { connection: ClientConnection }));
  const cut = () => {
    for (const { socket } of open) socket?.destroy();
  };
  // A request that was not answered in time: the client would use its connection for the next one too.
  client.on('client:performWithRetry:failed', (...payload: unknown[]) => {
    const errors = payload[2];
    if (Array.isArray(errors) && errors.some(isTimeout)) cut();
  });
  const close = async () => {
    await within<unknown>(CLOSE_MS, closeClient().catch(ignore), ignore);
    cut();
  };
  return { client, cut, close };
};

export interface MemberOptions {
  readonly groupId: string;
  readonly groupInstanceId: string;
  readonly sessionTimeoutMs: number;
  readonly assigner: GroupPartitionsAssigner;
}

/** What makes clients: they all reach the broker in one way. Repeats are ours: the client repeats what is hopeless too. */
export const createClients = (base: BaseOptions, requestTimeoutMs: number, sockets: Sockets) => {
  const options = { ...base, retries: 0 };
  const toBytes = (text?: string) => (text === undefined ? undefined : Buffer.from(text));

  const admin = (): Client<Admin> => {
    const client = new Admin({ ...options, metadataMaxAge: 0 });
    return watch(client, async () => client.close(), sockets);
  };
  const producer = (): Client<ProducerClient> => {
    const client = new Producer<Buffer, Buffer, string, string>({
      ...options,
      timeout: requestTimeoutMs,
      requestTimeout: requestTimeoutMs,
      connectTimeout: requestTimeoutMs,
      repeatOnStaleMetadata: false,
      serializers: { headerKey: toBytes, headerValue: toBytes },
    });
    return watch(client, async () => client.close(true), sockets);
  };
  const watchConsumer = (client: ConsumerClient): Client<ConsumerClient> =>
    watch(client, async () => client.close(true), sockets);
  /** Only fetches: it is in no group. */
  const reader = (): Client<ConsumerClient> =>
    watchConsumer(new Consumer<Buffer, Buffer, Buffer, Buffer>({ ...options, groupId: 'mapbus-reader' }));
  const member = ({ groupId, groupInstanceId, sessionTimeoutMs, assigner }: MemberOptions): Client<ConsumerClient> =>
    watchConsumer(
      new Consumer<Buffer, Buffer, Buffer, Buffer>({
        ...options,
        groupId,
        groupInstanceId,
        partitionAssigner: assigner,
        autocommit: false,
        sessionTimeout: sessionTimeoutMs,
        rebalanceTimeout: sessionTimeoutMs,
        heartbeatInterval: Math.ceil(sessionTimeoutMs / 10),
        // The broker answers a join when all members have joined. A shorter limit leaves members behind that nobody runs.
        requestTimeout: sessionTimeoutMs + 5_000,
      }),
    );
  return { admin, producer, reader, member };
};

export type Clients = ReturnType<typeof createClients>;
