import type { BaseOptions } from '@platformatic/kafka';
import { after } from '../old-seam/after.ts';
import type { Delivery, Message, Transport, TransportFeatures, VisitDeadLetter } from '../old-seam/port.ts';
import { resendUntil, within } from '../old-seam/seam.ts';
import { createBatches } from './batches.ts';
import {
  closeConsumer,
  createConsumer,
  createProducer,
  createTopics,
  fatal,
  isRefusal,
  type KafkaRecord,
  toDelivery,
} from './client.ts';
import type { readNames } from './names.ts';
import { join, NOT_BEFORE, type ReceiverSettings } from './receiver.ts';

export interface ConnectSettings {
  readonly options: BaseOptions;
  readonly names: ReturnType<typeof readNames>;
  readonly features: TransportFeatures;
  readonly service: string;
  readonly partitions: number;
  readonly prefetch: number;
  readonly broadcast: boolean;
  readonly sessionTimeoutMs: number;
}

type Deliver = (delivery: Delivery) => Promise<void>;

const PAUSE_MS = 1_000;
const CLOSE_MS = 2_000;
const TOPIC = /^[a-zA-Z0-9._-]{1,249}$/;

/** Keeps one membership of the group, with a new client after each trouble. */
const createReceiver = (settings: ReceiverSettings, report: (error: unknown) => void) => {
  let current: Awaited<ReturnType<typeof join>> | undefined;
  let topics: readonly string[] = [];
  let stopped = false;
  let generation = 0;

  const rejoin = async (deliver: Deliver, error: unknown, from: number): Promise<void> => {
    if (stopped || from !== generation) return;
    generation++;
    report(error);
    const own = generation;
    await current?.leave();
    while (!stopped && own === generation) {
      await after(PAUSE_MS * (1 + Math.random()));
      try {
        if (stopped || own !== generation) return;
        current = await join(settings, topics, deliver, (cause) => void rejoin(deliver, cause, own));
        return;
      } catch (cause) {
        report(cause);
      }
    }
  };
  const receive = async (wanted: readonly string[], deliver: Deliver) => {
    topics = wanted;
    generation++;
    const own = generation;
    await current?.drain();
    await current?.leave();
    current = await join(settings, topics, deliver, (error) => void rejoin(deliver, error, own));
  };
  const stop = async () => {
    stopped = true;
    await current?.drain();
  };
  const close = async () => {
    stopped = true;
    await current?.leave();
  };
  return { receive, stop, close };
};

/** Goes through a topic from where the last removal has come to, and keeps what is kept by writing it again. */
const createVisit =
  (
    { options, names, service, sessionTimeoutMs }: ConnectSettings,
    topics: ReturnType<typeof createTopics>,
    keep: (delivery: Delivery) => Promise<void>,
  ) =>
  async (visit: VisitDeadLetter): Promise<void> => {
    const topic = names.deadLetterTopic(service);
    await topics.declare(topic, 1);
    const consumer = createConsumer(options, `${names.group(service)}.dead-letters`, sessionTimeoutMs);
    try {
      await consumer.topics.trackAll(topic);
      await consumer.joinGroup();
      const end = (await consumer.listOffsets({ topics: [topic] })).get(topic)?.[0] ?? 0n;
      const committed = await consumer.listCommittedOffsets({ topics: [{ topic, partitions: [0] }] });
      const [begin = 0n] = committed.get(topic)?.map((offset) => (offset < 0n ? 0n : offset)) ?? [];
      if (begin >= end) return;
      const offsets = [{ topic, partition: 0, offset: begin }];
      const stream = await consumer.consume({ topics: [topic], mode: 'manual', offsets });
      const kept: Delivery[] = [];
      let removed = 0;
      for await (const message of stream) {
        const delivery = toDelivery(message);
        if ((await visit(delivery)) === 'keep') kept.push(delivery);
        else removed++;
        if (message.offset + 1n >= end) break;
      }
      if (removed === 0) return;
      for (const delivery of kept) await keep(delivery);
      await consumer.commit({ offsets: [{ topic, partition: 0, offset: end, leaderEpoch: -1 }] });
    } finally {
      await closeConsumer(consumer);
    }
  };

export const connect = (settings: ConnectSettings, report: (error: unknown) => void): Transport => {
  const { options, names, features, service, partitions, prefetch, broadcast, sessionTimeoutMs } = settings;
  const group = broadcast ? `${names.group(service)}.${crypto.randomUUID()}` : names.group(service);
  // A broadcast keeps what failed for itself alone.
  const own = broadcast ? group : service;
  const retryTopic = names.retryTopic(own);
  const deadLetterTopic = names.deadLetterTopic(service);
  const topics = createTopics(options, partitions);
  const producer = createProducer(options);
  const receiver = createReceiver({ options, group, prefetch, broadcast, sessionTimeoutMs }, report);

  const address = ({ kind, name }: Message) =>
    kind === 'event' ? names.topic(name) : kind === 'dead' ? deadLetterTopic : retryTopic;

  // One for each topic, so that one that may not be written holds up no other.
  const batches = new Map<string, ReturnType<typeof createBatches<KafkaRecord>>>();
  const batchesOf = (topic: string) => {
    const own = batches.get(topic) ?? createBatches((messages) => producer.send({ messages }), isRefusal);
    batches.set(topic, own);
    return own;
  };

  const sendOnce = async (message: Message, signal: AbortSignal) => {
    const { kind, key, body, delayMs } = message;
    const topic = address(message);
    const headers = {
      ...message.headers,
      'content-type': 'application/cloudevents+json',
      ...(kind === 'retry' && { [NOT_BEFORE]: String(Date.now() + (delayMs ?? 0)) }),
    };
    const value = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    const record = { topic, value, headers, ...(key !== undefined && { key: Buffer.from(key) }) };
    await topics.declare(topic, kind === 'dead' ? 1 : partitions);
    await batchesOf(topic)(record, signal);
  };

  const receive: Transport['receive'] = async (eventNames, deliver) => {
    const wanted = [...(eventNames ?? [])].map(names.topic);
    try {
      await Promise.all([...wanted, retryTopic].map((topic) => topics.declare(topic)));
      await topics.declare(deadLetterTopic, 1);
      await receiver.receive([...wanted, retryTopic], deliver);
    } catch (error) {
      throw isRefusal(error) ? fatal(error) : error;
    }
  };
  const send = (message: Message, signal: AbortSignal) =>
    resendUntil(signal, () => sendOnce(message, signal), isRefusal);
  const keep = (delivery: Delivery) =>
    send({ kind: 'dead', name: '', id: '', ...delivery }, AbortSignal.timeout(10_000));
  const close = async () => {
    const clients = [receiver.close(), producer.close(true), topics.close()];
    await within<unknown>(CLOSE_MS, Promise.allSettled(clients), () => {});
  };

  return {
    features,
    refuseName: (name) =>
      TOPIC.test(names.topic(name))
        ? undefined
        : 'Kafka takes names of up to 249 letters, digits, dots, dashes, underscores',
    send,
    receive,
    stop: receiver.stop,
    close,
    visitDeadLetters: createVisit(settings, topics, keep),
  };
};
