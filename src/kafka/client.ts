import {
  Admin,
  type BaseOptions,
  Consumer,
  type Message,
  type MessagesStream,
  type MessageToProduce,
  ProduceAcks,
  Producer,
} from '@platformatic/kafka';
import type { Delivery } from '../old-seam/port.ts';
import { createFatal } from '../old-seam/seam.ts';

export type KafkaMessage = Message<Buffer, Buffer, Buffer, Buffer>;
export type KafkaStream = MessagesStream<Buffer, Buffer, Buffer, Buffer>;
export type KafkaRecord = MessageToProduce<Buffer, Buffer, string, string> & { readonly value: Buffer };
export type KafkaConsumer = Consumer<Buffer, Buffer, Buffer, Buffer>;

export const createConsumer = (options: BaseOptions, groupId: string, sessionTimeoutMs: number): KafkaConsumer =>
  new Consumer({
    ...options,
    groupId,
    autocommit: false,
    sessionTimeout: sessionTimeoutMs,
    rebalanceTimeout: sessionTimeoutMs * 2,
    heartbeatInterval: sessionTimeoutMs / 10,
  });

/** Leaves the group at once; whoever cannot is thrown out by the broker later. */
export const closeConsumer = async (consumer: KafkaConsumer): Promise<void> => {
  try {
    await consumer.close(true);
  } catch {
    // There is nothing left to close.
  }
};

const toBytes = (text?: string) => (text === undefined ? undefined : Buffer.from(text));

export const createProducer = (options: BaseOptions) =>
  new Producer<Buffer, Buffer, string, string>({
    ...options,
    acks: ProduceAcks.ALL,
    serializers: { headerKey: toBytes, headerValue: toBytes },
  });

/** Every code in an error and in what it was caused by. */
const codesOf = (error: unknown): readonly string[] => {
  if (!(error instanceof Error)) return [];
  const { code, apiId, errors = [], cause } = error as Error & { code?: string; apiId?: string; errors?: unknown[] };
  return [code ?? '', apiId ?? '', ...errors.flatMap(codesOf), ...codesOf(cause)];
};

export const isRefusal = (error: unknown): boolean =>
  codesOf(error).some((code) => /AUTHENTICATION|AUTHORIZATION_FAILED|INVALID_TOPIC|TOO_LARGE/.test(code));

export const fatal = (error: unknown): Error =>
  createFatal(`Kafka refuses: ${error instanceof Error ? error.message : String(error)}`);

const CONTENT_TYPE = Buffer.from('content-type');

/** Without the content type, which all events have: reading it takes as long as reading the rest of a small one. */
export const toDelivery = ({ value, headers }: KafkaMessage): Delivery => {
  const own: Record<string, string> = {};
  for (const [name, text] of headers) if (!CONTENT_TYPE.equals(name)) own[name.toString()] = text.toString();
  return { body: value ?? new Uint8Array(), headers: own };
};

/** Declares topics, once for each while it goes well. */
export const createTopics = (options: BaseOptions, partitions: number) => {
  const admin = new Admin(options);
  const declared = new Map<string, Promise<void>>();

  const declareOne = async (topic: string, count: number) => {
    try {
      // The broker's own default decides on the replicas.
      await admin.createTopics({ topics: [topic], partitions: count, replicas: -1 });
    } catch (error) {
      // Who may not make topics has an operator who does.
      if (!codesOf(error).some((code) => /TOPIC_ALREADY_EXISTS|AUTHORIZATION_FAILED/.test(code))) throw error;
    }
  };
  const declare = (topic: string, count = partitions): Promise<void> => {
    const declaring = declared.get(topic) ?? declareOne(topic, count);
    declared.set(topic, declaring);
    return declaring.catch((error) => {
      declared.delete(topic);
      throw error;
    });
  };
  return { declare, close: () => admin.close() };
};
