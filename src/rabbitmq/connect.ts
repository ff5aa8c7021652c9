import type { ConnectionOptions } from 'rabbitmq-client';
import type { Transport, TransportFeatures, VisitDeadLetter } from '../old-seam/port.ts';
import { openConnection, toDelivery } from './client.ts';
import { createReceiver } from './receiver.ts';
import { createSender } from './sender.ts';
import type { Topology } from './topology.ts';

export interface ConnectSettings {
  readonly connection: ConnectionOptions;
  readonly topology: Topology;
  readonly features: TransportFeatures;
  readonly prefetch: number;
  readonly service: string;
}

const createVisit =
  ({ connection: options, topology, service }: ConnectSettings, report: (error: unknown) => void) =>
  async (visit: VisitDeadLetter): Promise<void> => {
    const connection = openConnection(options, report);
    const channel = await connection.acquire();
    const kept: number[] = [];
    try {
      const { messageCount } = await channel.queueDeclare(topology.dead);
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
      await connection.close();
    }
  };

export const connect = (settings: ConnectSettings, report: (error: unknown) => void): Transport => {
  const { connection, topology, features, prefetch } = settings;
  // Publishing over a connection of its own, since a broker that is short of memory stops those that publish.
  const sender = createSender(connection, topology, report);
  const receiver = createReceiver(connection, topology, prefetch, report);
  return {
    features,
    // Bindings of a topic exchange would take these for wildcards.
    refuseName: (name) =>
      name === '' || /[*#]/.test(name) || Buffer.byteLength(name) > 255
        ? 'RabbitMQ takes names of 1 to 255 bytes without * and #'
        : undefined,
    send: sender.send,
    receive: receiver.receive,
    stop: receiver.stop,
    close: async () => {
      await Promise.all([sender.close(), receiver.close()]);
    },
    visitDeadLetters: createVisit(settings, report),
  };
};
