import { Admin, Consumer, ProduceAcks, Producer } from '@platformatic/kafka';
import amqplib, { type Channel, type ConfirmChannel } from 'amqplib-newest';
import { Kafka, logLevel } from 'kafkajs';
import { Connection } from 'rabbitmq-client';
import { kafka } from '../../dist/kafka.js';
import { rabbitmq } from '../../dist/rabbitmq.js';
import { createServiceBus } from '../../dist/service.js';
import type { Transport } from '../../dist/transport.js';

/** A client with as little around it as its manual allows. */
export interface Client {
  readonly send: (id: string) => Promise<unknown>;
  readonly receive: (onId: (id: string) => void) => void;
  readonly close: () => Promise<unknown>;
}

const quorum = { durable: true, arguments: { 'x-queue-type': 'quorum' as const } };
const PREFETCH = 100;

export const openRabbitmqClient = async (url: string, queue: string): Promise<Client> => {
  const connection = new Connection({ url, heartbeat: 5 });
  connection.on('error', () => {});
  const publisher = connection.createPublisher({ confirm: true });
  await connection.queueDeclare({ queue, ...quorum });
  const receive = (onId: (id: string) => void) => {
    const props = { queue, queueOptions: quorum, qos: { prefetchCount: PREFETCH } };
    connection.createConsumer(props, async ({ body }) => onId(String(body))).on('error', () => {});
  };
  const send = (id: string) => publisher.send({ routingKey: queue, durable: true }, Buffer.from(id));
  return { send, receive, close: () => connection.close() };
};

export const openAmqplib = async (url: string, queue: string): Promise<Client> => {
  let publishing: ConfirmChannel | undefined;
  let onId = (_: string) => {};
  let closed = false;
  const connect = async (): Promise<void> => {
    try {
      const connection = await amqplib.connect(`${url}?heartbeat=5`);
      const again = () => {
        publishing = undefined;
        if (!closed) setTimeout(connect, 500);
      };
      connection.on('error', () => {}).on('close', again);
      const open = await connection.createConfirmChannel();
      open.on('error', () => {});
      await open.assertQueue(queue, quorum);
      const consuming: Channel = await connection.createChannel();
      consuming.on('error', () => {});
      await consuming.prefetch(PREFETCH);
      await consuming.consume(queue, (message) => {
        if (!message) return;
        onId(String(message.content));
        consuming.ack(message);
      });
      publishing = open;
    } catch {
      if (!closed) setTimeout(connect, 500);
    }
  };
  await connect();
  const send = (id: string) =>
    new Promise<void>((resolve, reject) => {
      if (!publishing) return reject(new Error('not connected'));
      publishing.sendToQueue(queue, Buffer.from(id), { persistent: true }, (error) =>
        error ? reject(error) : resolve(),
      );
    });
  const close = async () => {
    closed = true;
  };
  return {
    send,
    receive: (given) => {
      onId = given;
    },
    close,
  };
};

export const openPlatformatic = async (bootstrapBrokers: string[], topic: string): Promise<Client> => {
  const options = { clientId: 'trial', bootstrapBrokers, timeout: 5_000, requestTimeout: 5_000 };
  const admin = new Admin(options);
  await admin.createTopics({ topics: [topic], partitions: 3, replicas: 1 });
  await admin.close();
  const producer = new Producer(options);
  const consumer = new Consumer({ ...options, groupId: topic, autocommit: 100, sessionTimeout: 10_000 });
  consumer.on('error', () => {});
  const receive = async (onId: (id: string) => void): Promise<void> => {
    try {
      const stream = await consumer.consume({ topics: [topic], mode: 'committed', fallbackMode: 'earliest' });
      stream.on('data', ({ value }) => onId(String(value)));
      // The stream ends at the first error.
      stream.on('error', () => setTimeout(receive, 500, onId));
    } catch {
      setTimeout(receive, 500, onId);
    }
  };
  const send = (id: string) => producer.send({ acks: ProduceAcks.ALL, messages: [{ topic, value: Buffer.from(id) }] });
  return { send, receive, close: () => Promise.all([consumer.close(true), producer.close(true)]) };
};

export const openKafkajs = async (brokers: string[], topic: string): Promise<Client> => {
  const kafka = new Kafka({ clientId: 'trial', brokers, logLevel: logLevel.NOTHING, requestTimeout: 5_000 });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: 3, replicationFactor: 1 }] });
  await admin.disconnect();
  const producer = kafka.producer();
  await producer.connect();
  const consumer = kafka.consumer({ groupId: topic, sessionTimeout: 10_000 });
  const receive = async (onId: (id: string) => void) => {
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({ autoCommitInterval: 100, eachMessage: async ({ message }) => onId(String(message.value)) });
  };
  const send = (id: string) => producer.send({ topic, acks: -1, messages: [{ value: id }] });
  return { send, receive, close: () => Promise.all([consumer.disconnect(), producer.disconnect()]) };
};

const openMapbus = async (transport: Transport, name: string): Promise<Client> => {
  const silent = { debug: () => {}, warn: () => {}, error: () => {} };
  const bus = createServiceBus<Record<string, { id: string }>>({
    service: name,
    transport,
    sends: 'all',
    logger: silent,
    publishTimeoutMs: 5_000,
  });
  let tell: (id: string) => void = () => {};
  bus.consume('tried', 'note', (_, { id }) => tell(id));
  await bus.ready();
  return {
    send: async (id) => {
      const { error } = await bus.publish('tried', { id }, { id });
      if (error) throw error;
    },
    receive: (onEvent) => {
      tell = onEvent;
    },
    close: () => bus.close(),
  };
};

export const openMapbusRabbitmq = (url: string, name: string): Promise<Client> => openMapbus(rabbitmq({ url }), name);

export const openMapbusKafka = (brokers: string[], name: string): Promise<Client> =>
  openMapbus(kafka({ brokers }), name);
