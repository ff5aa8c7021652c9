// Each sends and receives the same payload by its own way of doing it well.
import { type CommonLogger, InternalError } from '@lokalise/node-core';
import {
  AbstractAmqpQueueConsumer,
  AbstractAmqpQueuePublisher,
  AmqpConnectionManager,
} from '@message-queue-toolkit/amqp';
import { MessageHandlerConfigBuilder } from '@message-queue-toolkit/core';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ClientProxyFactory,
  Ctx,
  EventPattern,
  Transport as NestTransport,
  Payload,
  type RmqContext,
} from '@nestjs/microservices';
import { Admin, Consumer, type Message, ProduceAcks, Producer } from '@platformatic/kafka';
import { Connection } from 'rabbitmq-client';
import { firstValueFrom } from 'rxjs';
import { z } from 'zod/v4';
import { kafka } from '../../dist/kafka.js';
import { rabbitmq } from '../../dist/rabbitmq.js';
import { createServiceBus } from '../../dist/service.js';
import type { Transport } from '../../dist/transport.js';

export const PREFETCH = 100;
const payload = { text: 'x'.repeat(245) };

let unique = 0;
const createName = (what: string) => `bench-${what}-${Date.now()}-${unique++}`;

/** Something that sends, and something that receives. */
export interface Side {
  /** Resolves when the broker has confirmed it, where the side can know. */
  readonly send: () => unknown;
  readonly receive: (onEvent: () => void) => unknown;
  readonly close: () => Promise<unknown>;
}

const openBus = async (transport: Transport, consumerCount: number): Promise<Side> => {
  const name = createName('event');
  const service = createName('service');
  const open = () =>
    createServiceBus<Record<string, unknown>>({
      service,
      transport,
      sends: 'all',
      consumers: { concurrency: PREFETCH },
      logger: { debug: () => {}, warn: console.warn, error: console.error },
    });
  const consumers = Array.from({ length: consumerCount }, (_, index) => `consumer${index}`);
  // Declares the consumers, so that what is sent waits for them.
  const first = open();
  for (const consumer of consumers) first.consume(name, consumer, () => {});
  await first.ready();
  await first.close();
  const bus = open();
  const receive = (onEvent: () => void) => {
    for (const consumer of consumers) bus.consume(name, consumer, onEvent);
  };
  const send = async () => {
    const { error } = await bus.publish(name, payload);
    if (error) throw error;
  };
  return { send, receive, close: () => bus.close() };
};

export const openBusOnRabbitmq = (url: string, consumerCount: number): Promise<Side> =>
  openBus(rabbitmq({ url }), consumerCount);

export const openBusOnKafka = (brokers: string, consumerCount: number): Promise<Side> =>
  openBus(kafka({ brokers: brokers.split(',') }), consumerCount);

const quorum = { durable: true, arguments: { 'x-queue-type': 'quorum' as const } };

/** @param queueCount how many queues get each event */
export const openRabbitmq = async (url: string, queueCount: number): Promise<Side> => {
  const connection = new Connection({ url, heartbeat: 5 });
  const exchange = createName('exchange');
  const routingKey = createName('event');
  const exchanges = [{ exchange, type: 'topic', durable: true }];
  const publisher = connection.createPublisher({ confirm: true, exchanges });
  await connection.exchangeDeclare({ exchange, type: 'topic', durable: true });
  const queues = Array.from({ length: queueCount }, () => createName('queue'));
  for (const queue of queues) {
    await connection.queueDeclare({ queue, ...quorum });
    await connection.queueBind({ queue, exchange, routingKey });
  }
  const consumers: ReturnType<Connection['createConsumer']>[] = [];
  const receive = (onEvent: () => void) => {
    const qos = { prefetchCount: PREFETCH };
    for (const queue of queues)
      consumers.push(
        connection.createConsumer({ queue, queueOptions: quorum, qos, concurrency: PREFETCH }, async () => onEvent()),
      );
  };
  const close = async () => {
    await Promise.all(consumers.map((consumer) => consumer.close()));
    await publisher.close();
    await connection.close();
  };
  // The client writes it as JSON, and reads it again.
  return { send: () => publisher.send({ exchange, routingKey, durable: true }, payload), receive, close };
};

/** @param groupCount how many groups read each event */
export const openKafka = async (brokers: string, groupCount: number): Promise<Side> => {
  const options = { clientId: 'bench', bootstrapBrokers: brokers.split(',') };
  const topic = createName('topic');
  const admin = new Admin(options);
  await admin.createTopics({ topics: [topic], partitions: 3, replicas: 1 });
  await admin.close();
  const producer = new Producer(options);
  const consumers = Array.from(
    { length: groupCount },
    () => new Consumer({ ...options, groupId: createName('group'), autocommit: 500 }),
  );
  const send = () =>
    producer.send({ acks: ProduceAcks.ALL, messages: [{ topic, value: Buffer.from(JSON.stringify(payload)) }] });
  const receive = (onEvent: () => void) =>
    Promise.all(
      consumers.map(async (consumer) => {
        const stream = await consumer.consume({ topics: [topic], mode: 'committed', fallbackMode: 'earliest' });
        stream.on('data', ({ value }: Message) => {
          JSON.parse(String(value));
          onEvent();
        });
      }),
    );
  const close = async () => [...(await Promise.all(consumers.map((each) => each.close(true)))), await producer.close()];
  return { send, receive, close };
};

export const openNest = async (url: string): Promise<Side> => {
  const queue = createName('nest');
  const options = { urls: [url], queue, queueOptions: quorum, persistent: true };
  let tick = () => {};
  class Events {
    handle(_: unknown, context: RmqContext) {
      tick();
      context.getChannelRef().ack(context.getMessage());
    }
  }
  // What decorators would do, which this compiler leaves out.
  Controller()(Events);
  const method = Object.getOwnPropertyDescriptor(Events.prototype, 'handle') ?? {};
  EventPattern('event')(Events.prototype, 'handle', method);
  Payload()(Events.prototype, 'handle', 0);
  Ctx()(Events.prototype, 'handle', 1);
  class App {}
  Module({ controllers: [Events] })(App);

  const client = ClientProxyFactory.create({ transport: NestTransport.RMQ, options });
  await client.connect();
  const app = await NestFactory.createMicroservice(App, {
    transport: NestTransport.RMQ,
    options: { ...options, noAck: false, prefetchCount: PREFETCH },
    logger: false,
  });
  const receive = (onEvent: () => void) => {
    tick = onEvent;
    return app.listen();
  };
  const send = () => firstValueFrom(client.emit('event', payload), { defaultValue: undefined });
  return { send, receive, close: async () => [await client.close(), await app.close()] };
};

const toolkitSchema = z.object({ type: z.literal('event'), id: z.string(), timestamp: z.string(), text: z.string() });
type ToolkitMessage = z.infer<typeof toolkitSchema>;

export const openToolkit = async (url: string): Promise<Side> => {
  const { hostname, port, username, password } = new URL(url);
  const quiet = { info: () => {}, silent: () => {}, fatal: console.error, level: 'error', msgPrefix: undefined };
  const logger: CommonLogger = { ...console, ...quiet, child: () => logger, isLevelEnabled: () => false };
  const amqpConnectionManager = new AmqpConnectionManager(
    { hostname, port: Number(port), username, password, vhost: '', useTls: false },
    logger,
  );
  await amqpConnectionManager.init();
  const dependencies = {
    amqpConnectionManager,
    logger,
    errorReporter: { report: console.error },
    consumerErrorResolver: {
      processError: (cause: unknown) => new InternalError({ message: String(cause), errorCode: 'x' }),
    },
    transactionObservabilityManager: {
      start: () => {},
      startWithGroup: () => {},
      stop: () => {},
      addCustomAttributes: () => {},
    },
  };
  const creationConfig = { queueName: createName('toolkit'), queueOptions: quorum };
  let tick = () => {};
  const shared = {
    creationConfig,
    messageTypeResolver: { messageTypePath: 'type' },
    deletionConfig: { deleteIfExists: false },
  };
  class Publisher extends AbstractAmqpQueuePublisher<ToolkitMessage> {
    constructor() {
      super(dependencies, { ...shared, messageSchemas: [toolkitSchema] });
    }
  }
  class EventConsumer extends AbstractAmqpQueueConsumer<ToolkitMessage, undefined> {
    constructor() {
      const handlers = new MessageHandlerConfigBuilder<ToolkitMessage, undefined>()
        .addConfig(toolkitSchema, async () => {
          tick();
          return { result: 'success' as const };
        })
        .build();
      super(dependencies, { ...shared, handlers }, undefined);
    }
  }
  const publisher = new Publisher();
  await publisher.init();
  const consumer = new EventConsumer();
  const receive = (onEvent: () => void) => {
    tick = onEvent;
    return consumer.start();
  };
  let sent = 0;
  // Returns at once: it has no confirms.
  const send = () =>
    publisher.publish(
      { type: 'event', id: String(sent++), timestamp: new Date().toISOString(), ...payload },
      {
        publishOptions: { persistent: true },
      },
    );
  return { send, receive, close: () => amqpConnectionManager.close() };
};
