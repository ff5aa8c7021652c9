import type { Connection, ConnectionOptions, Envelope, Publisher } from 'rabbitmq-client';
import type { Message } from '../old-seam/port.ts';
import { resendUntil } from '../old-seam/seam.ts';
import { after, isRefusal, openConnection } from './client.ts';
import type { Topology } from './topology.ts';

interface Address {
  readonly exchange: string;
  readonly routingKey: string;
  readonly expiration?: string;
}
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
  let watched: AbortSignal | undefined;

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
  const discard = () => {
    if (!current || Date.now() - current.openedAt < FLOOR_MS) return;
    const { connection } = current;
    current = undefined;
    connection.unsafeDestroy();
  };

  /** The queue for what only this service gets, and how long it stays there. */
  const ownQueue = async (own: Link, { kind, delayMs = 0 }: Message): Promise<Address> => {
    if (kind === 'dead') return { exchange: '', routingKey: await declare(own, topology.dead) };
    const routingKey = await declare(own, topology.retry(delayMs));
    return { exchange: '', routingKey, expiration: String(Math.ceil(delayMs)) };
  };
  // Aborted when something that was to go out with this signal has not, over whichever connection it went.
  const watch = (signal: AbortSignal) => {
    if (signal === watched) return;
    watched = signal;
    signal.addEventListener('abort', discard, { once: true });
  };
  const sendTo = ({ publisher }: Link, address: Address, { id: messageId, body, headers }: Message): Promise<void> => {
    const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    // One literal: what is made by spreading costs a publish a tenth, in the client and in garbage.
    const envelope: Envelope = {
      exchange: address.exchange,
      routingKey: address.routingKey,
      durable: true,
      messageId,
      contentType: 'application/cloudevents+json',
      headers,
    };
    if (address.expiration !== undefined) envelope.expiration = address.expiration;
    return publisher.send(envelope, bytes);
  };
  const sendOnce = (message: Message): Promise<void> => {
    const own = link();
    if (message.kind !== 'event') return ownQueue(own, message).then((address) => sendTo(own, address, message));
    return sendTo(own, { exchange: topology.exchange, routingKey: message.name }, message);
  };

  const send = (message: Message, signal: AbortSignal): Promise<void> => {
    watch(signal);
    return resendUntil(signal, () => sendOnce(message), isRefusal);
  };
  const close = async () => {
    if (!current) return;
    const { publisher, connection } = current;
    const closed = publisher.close().then(() => connection.close());
    await Promise.race([closed.catch(report), after(CLOSE_MS)]);
    connection.unsafeDestroy();
  };
  return { send, close };
};
