import { createConnection, createServer, type Socket } from 'node:net';
import { type RabbitMQOptions, rabbitmq } from 'mapbus/rabbitmq';
import type { ConsumerSpec, Deliver, Receiving, Transport } from 'mapbus/transport';
import { Connection } from 'rabbitmq-client';
import { vi } from 'vitest';
import { folderOf } from '../../../scripts/services/broker.ts';
import { ensureService } from '../../../scripts/services/main.ts';
import { rabbitmqctl } from '../../../scripts/services/rabbitmq.ts';

export { DEAD, DONE, dataOf, range, retryOf } from '../../../src/testing/contract/clause.ts';

export const ctl = (...args: readonly string[]): Promise<string> => rabbitmqctl(folderOf('rabbitmq'), ...args);

/** A virtual host of its own, so that nothing is left at the broker afterwards. */
export const openHost = async (name: string) => {
  const { url, own } = await ensureService('rabbitmq');
  if (!own) throw new Error("RabbitMQ at hand is not the tests' own");
  const host = `${name}-${crypto.randomUUID().slice(0, 8)}`;
  await ctl('add_vhost', host);
  await ctl('set_permissions', '-p', host, 'guest', '.*', '.*', '.*');
  return {
    host,
    url: `${url}/${host}`,
    own,
    ctl: (command: string, ...args: readonly string[]) => ctl(command, '-p', host, ...args),
    close: () => ctl('delete_vhost', host),
  };
};

export type Host = Awaited<ReturnType<typeof openHost>>;

/** Takes connections for a broker. Each process connects from an address of its own, and can be silenced alone. */
const createSilencer = async (targetPort: number) => {
  const silent = new Set<string>();
  const pairs = new Map<string, Set<readonly [Socket, Socket]>>();
  const server = createServer({ noDelay: true }, (client) => {
    const address = client.remoteAddress ?? '';
    client.on('error', () => {});
    // A process that is silent does not reach the broker any more.
    if (silent.has(address)) return;
    const broker = createConnection({ host: '127.0.0.1', port: targetPort, noDelay: true });
    const pair = [client, broker] as const;
    const own = pairs.get(address) ?? new Set();
    pairs.set(address, own.add(pair));
    const end = () => {
      own.delete(pair);
      for (const socket of pair) socket.destroy();
    };
    for (const [from, to] of [pair, [broker, client] as const]) {
      from.pipe(to);
      from.on('error', end);
      from.on('close', end);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
  const address = server.address();
  let count = 0;
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    /** An address that no other process has. */
    nextAddress: () => `127.${1 + (++count >> 16)}.${(count >> 8) & 255}.${count & 255}`,
    silence: (of: string) => {
      silent.add(of);
      for (const [client, broker] of pairs.get(of) ?? []) {
        client.unpipe(broker).pause();
        broker.unpipe(client).pause();
      }
    },
    close: () => {
      server.close();
      for (const own of pairs.values()) for (const pair of own) for (const socket of pair) socket.destroy();
    },
  };
};

/** Transports that can be silenced one by one. */
export const createProcesses = async (url: string, heartbeat = 1) => {
  const silencer = await createSilencer(Number(new URL(url).port));
  const addresses = new Map<Transport, string>();
  const connect = (): Transport => {
    const localAddress = silencer.nextAddress();
    const connection = { heartbeat, socket: { port: silencer.port, localAddress } };
    const transport = rabbitmq({ url, connection });
    addresses.set(transport, localAddress);
    return transport;
  };
  const kill = (transport: Transport) => silencer.silence(addresses.get(transport) ?? '');
  return { connect, kill, close: silencer.close };
};

/** A line that a transport has reported. */
interface Reported {
  readonly level: string;
  readonly message: string;
  readonly fields: Record<string, unknown>;
}

/** One process of a service, as a bus would use it. */
export const join = (url: string, service: string, options: Partial<RabbitMQOptions> = {}) => {
  const reported: Reported[] = [];
  const connection = rabbitmq({ url, ...options }).connect({
    service,
    namespace: '',
    sends: 'all',
    publishTimeoutMs: 10_000,
    report: (level, message, fields) => void reported.push({ level, message, fields }),
  });
  return { ...connection, reported };
};

export type Process = ReturnType<typeof join>;

export const specOf = (consumer: string, name: string, changes: Partial<ConsumerSpec> = {}): ConsumerSpec => ({
  consumer,
  names: [name],
  order: undefined,
  concurrency: 10,
  timeoutMs: 60_000,
  retryDelaysMs: [1_000],
  expiresAfterMs: 600_000,
  formerly: undefined,
  ...changes,
});

export const send = (
  { publish }: Pick<Process, 'publish'>,
  name: string,
  data: unknown,
  { key, signal = new AbortController().signal }: { key?: string; signal?: AbortSignal } = {},
) => {
  const id = crypto.randomUUID();
  const body = JSON.stringify({ specversion: '1.0', id, source: '/test', type: name, data });
  return publish({ name, id, source: '/test', body, key, headers: {} }, { signal, session: undefined });
};

export const receive = async (
  process: Pick<Process, 'declare' | 'consume'>,
  spec: ConsumerSpec,
  deliver: Deliver,
): Promise<Receiving> => {
  await process.declare([spec]);
  return process.consume(spec, deliver);
};

/** Asks until there is an answer. */
export const eventually = <Result>(what: string, ask: () => Result | Promise<Result>, timeout = 30_000) =>
  vi.waitFor(
    async () => {
      const answer = await ask();
      if (!answer) throw new Error(`Waited for ${what}`);
      return answer;
    },
    { timeout, interval: 20 },
  );

export const unique = (name: string): string => `${name}-${crypto.randomUUID().slice(0, 8)}`;

/** The names of the queues of a virtual host. */
export const queuesOf = async (host: Host): Promise<string[]> =>
  (await host.ctl('list_queues', 'name')).split('\n').filter((line) => line.startsWith('mapbus'));

/** The client without mapbus, as a foreign producer or an operator uses it. */
export const openClient = (url: string) => {
  const client = new Connection({ url, frameMax: 131_072 });
  client.on('error', () => {});
  return client;
};

export const countOf = async (client: Connection, queue: string): Promise<number> =>
  (await client.queueDeclare({ queue, passive: true })).messageCount;
