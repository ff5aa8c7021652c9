import { Connection, type ConnectionOptions, type Publisher } from 'rabbitmq-client';
import type { Delivery, Message, Transport, TransportFeatures, VisitDeadLetter } from '../../core/transport.ts';
import { createFatal, resendUntil } from '../../transport/index.ts';
import type { Topology } from './topology.ts';

export interface ConnectSettings {
  readonly connection: ConnectionOptions;
  readonly topology: Topology;
  readonly features: TransportFeatures;
  readonly prefetch: number;
  readonly service: string;
}

const CLOSE_MS = 2_000;

const after = (delayMs: number) => new Promise<void>((resolve) => setTimeout(resolve, delayMs).unref());

const codeOf = (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : '');

// What no waiting mends: another password, vhost or queue argument has to come first.
const isRefusal = (error: unknown) => ['ACCESS_REFUSED', 'PRECONDITION_FAILED', 'NOT_ALLOWED'].includes(codeOf(error));

const fatal = (error: unknown) =>
  createFatal(`RabbitMQ refuses: ${error instanceof Error ? error.message : String(error)}`);

const toBytes = (body: unknown): Uint8Array => {
  if (body instanceof Uint8Array) return body;
  // The client has parsed what came with another content type than ours.
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
};

const toDelivery = (message: { body: unknown; headers?: Record<string, unknown> | undefined }): Delivery => {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(message.headers ?? {})) {
    if (typeof value === 'string') headers[name] = value;
  }
  return { body: toBytes(message.body), headers };
};

/** Sends until the broker has confirmed, on as many channels as that takes, or until it is told to stop. */
const createSender = (connection: Connection, publisher: Publisher, topology: Topology) => {
  const declared = new Map<string, Promise<unknown>>();

  const declare = async (queue: Parameters<Connection['queueDeclare']>[0] & { queue?: string }) => {
    const name = String(queue.queue);
    const declaring = declared.get(name) ?? connection.queueDeclare(queue);
    declared.set(name, declaring);
    await declaring.catch((error) => {
      declared.delete(name);
      throw error;
    });
    return name;
  };
  const address = async ({ kind, name, delayMs = 0 }: Message) => {
    if (kind === 'event') return { exchange: topology.exchange, routingKey: name };
    if (kind === 'dead') return { routingKey: await declare(topology.dead) };
    return { routingKey: await declare(topology.retry(delayMs)), expiration: String(Math.ceil(delayMs)) };
  };
  const sendOnce = async (message: Message) => {
    const { id, key, body, headers } = message;
    const envelope = {
      ...(await address(message)),
      durable: true,
      messageId: id,
      contentType: 'application/cloudevents+json',
      headers: { ...headers, ...(key !== undefined && { 'mapbus-key': key }) },
    };
    await publisher.send(envelope, Buffer.from(body.buffer, body.byteOffset, body.byteLength));
  };

  // A channel that was cut may come back in time.
  return (message: Message, signal: AbortSignal): Promise<void> =>
    resendUntil(signal, () => sendOnce(message), isRefusal);
};

const createReceiver = (
  connection: Connection,
  { topology, prefetch }: ConnectSettings,
  report: (error: unknown) => void,
  refused: Promise<never>,
) => {
  const { exchange, events, dead } = topology;
  const queue = String(events.queue);
  // The client declares these again after each reconnect.
  const bindings: { queue: string; exchange: string; routingKey: string }[] = [];
  let consumer: ReturnType<Connection['createConsumer']> | undefined;
  let last: unknown;

  // A cut makes an error of each event in hand: the first one tells it all.
  const reportOnce = (error: unknown) => {
    if (codeOf(error) !== codeOf(last)) report(error);
    last = error;
  };

  const start = async (deliver: (delivery: Delivery) => Promise<void>) => {
    await connection.queueDeclare(dead);
    const props = {
      queue,
      queueOptions: events,
      exchanges: [{ exchange, type: 'topic', durable: true }],
      queueBindings: bindings,
      qos: { prefetchCount: prefetch },
      concurrency: prefetch,
    };
    const created = connection.createConsumer(props, async (message) => {
      // 0 acknowledges, 1 gives it back: it comes again, here or elsewhere.
      return deliver(toDelivery(message)).then(
        () => 0,
        () => 1,
      );
    });
    consumer = created;
    created.on('error', reportOnce);
    created.on('ready', () => {
      last = undefined;
    });
    await new Promise<void>((resolve, reject) => {
      created.once('ready', resolve);
      created.on('error', (error) => isRefusal(error) && reject(fatal(error)));
    });
  };

  const receive: Transport['receive'] = async (names, deliver) => {
    const keys = names ? [...names] : ['#'];
    const missing = keys.filter((key) => !bindings.some(({ routingKey }) => routingKey === key));
    const added = missing.map((routingKey) => ({ queue, exchange, routingKey }));
    bindings.push(...added);
    if (!consumer) return Promise.race([start(deliver), refused]);
    for (const binding of added) await connection.queueBind(binding);
  };
  const stop = async () => consumer?.close();
  return { receive, stop };
};

const createVisit =
  (connection: Connection, { topology, service }: ConnectSettings) =>
  async (visit: VisitDeadLetter): Promise<void> => {
    const { messageCount } = await connection.queueDeclare(topology.dead);
    const channel = await connection.acquire();
    const kept: number[] = [];
    try {
      for (let seen = 0; seen < messageCount; seen++) {
        const message = await channel.basicGet({ queue: String(topology.dead.queue) });
        if (!message) break;
        const { body, headers } = toDelivery(message);
        const byBroker = { 'mapbus-service': service, 'mapbus-reason': headers['x-first-death-reason'] ?? 'unknown' };
        if ((await visit({ body, headers: { ...byBroker, ...headers } })) === 'keep') kept.push(message.deliveryTag);
        else channel.basicAck({ deliveryTag: message.deliveryTag });
      }
      for (const deliveryTag of kept) channel.basicNack({ deliveryTag, requeue: true });
    } finally {
      await channel.close();
    }
  };

export const connect = (settings: ConnectSettings, report: (error: unknown) => void): Transport => {
  const connection = new Connection(settings.connection);
  let refuse: (error: unknown) => void = () => {};
  const refused = new Promise<never>((_, reject) => {
    refuse = reject;
  });
  refused.catch(() => {});
  connection.on('error', (error) => {
    report(error);
    if (isRefusal(error)) refuse(fatal(error));
  });
  const { topology, features } = settings;
  const exchanges = [{ exchange: topology.exchange, type: 'topic', durable: true }];
  const publisher = connection.createPublisher({ confirm: true, maxAttempts: 1, exchanges });
  const { receive, stop } = createReceiver(connection, settings, report, refused);

  const close = async () => {
    await Promise.race([publisher.close().then(() => connection.close()), after(CLOSE_MS)]);
    connection.unsafeDestroy();
  };

  return {
    features,
    // Bindings of a topic exchange would take these for wildcards.
    refuseName: (name) =>
      name === '' || /[*#]/.test(name) || Buffer.byteLength(name) > 255
        ? 'RabbitMQ takes names of 1 to 255 bytes without * and #'
        : undefined,
    send: createSender(connection, publisher, topology),
    receive,
    stop,
    close,
    visitDeadLetters: createVisit(connection, settings),
  };
};
