import type { Connection, ConnectionOptions, Publisher } from 'rabbitmq-client';
import type { Message } from '../../core/transport.ts';
import { resendUntil } from '../../transport/index.ts';
import { after, isRefusal, openConnection } from './client.ts';
import type { Topology } from './topology.ts';

type Queue = ReturnType<Topology['retry']>;

/** A connection to publish over, and the queues that have been declared over it. */
interface Link {
  readonly connection: Connection;
  readonly publisher: Publisher;
  readonly declared: Map<string, Promise<unknown>>;
  readonly openedAt: number;
}

const CLOSE_MS = 2_000;
/** A connection is given this long before it is thrown away for not answering. */
const FLOOR_MS = 1_000;

const declare = async ({ connection, declared }: Link, queue: Queue): Promise<string> => {
  const name = String(queue.queue);
  const declaring = declared.get(name) ?? connection.queueDeclare(queue);
  declared.set(name, declaring);
  await declaring.catch((error) => {
    declared.delete(name);
    throw error;
  });
  return name;
};

export const createSender = (options: ConnectionOptions, topology: Topology, report: (error: unknown) => void) => {
  const exchanges = [{ exchange: topology.exchange, type: 'topic', durable: true }];
  let current: Link | undefined;

  const open = (): Link => {
    const connection = openConnection(options, report);
    const publisher = connection.createPublisher({ confirm: true, exchanges });
    return { connection, publisher, declared: new Map(), openedAt: Date.now() };
  };
  const link = (): Link => {
    current ??= open();
    return current;
  };
  // A broker may take a connection and never answer on it; what waits on it fails then, and goes over the next.
  const discard = (unanswering: Link) => {
    if (current !== unanswering || Date.now() - unanswering.openedAt < FLOOR_MS) return;
    current = undefined;
    unanswering.connection.unsafeDestroy();
  };

  const address = async (own: Link, { kind, name, delayMs = 0 }: Message) => {
    if (kind === 'event') return { exchange: topology.exchange, routingKey: name };
    if (kind === 'dead') return { routingKey: await declare(own, topology.dead) };
    return { routingKey: await declare(own, topology.retry(delayMs)), expiration: String(Math.ceil(delayMs)) };
  };
  const sendOnce = async (message: Message, signal: AbortSignal) => {
    const own = link();
    const onTimeout = () => discard(own);
    signal.addEventListener('abort', onTimeout);
    try {
      const { id, body, headers } = message;
      const contentType = 'application/cloudevents+json';
      const envelope = { ...(await address(own, message)), durable: true, messageId: id, contentType, headers };
      await own.publisher.send(envelope, Buffer.from(body.buffer, body.byteOffset, body.byteLength));
    } finally {
      signal.removeEventListener('abort', onTimeout);
    }
  };

  const send = (message: Message, signal: AbortSignal): Promise<void> =>
    resendUntil(signal, () => sendOnce(message, signal), isRefusal);
  const close = async () => {
    if (!current) return;
    const { publisher, connection } = current;
    const closed = publisher.close().then(() => connection.close());
    await Promise.race([closed.catch(report), after(CLOSE_MS)]);
    connection.unsafeDestroy();
  };
  return { send, close };
};
