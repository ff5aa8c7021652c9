import { ProduceAcks, type ProducerInfo } from '@platformatic/kafka';
import type { ProducerClient } from './client.ts';
import { isFencedProducer } from './errors.ts';
import type { NewRecord } from './records.ts';

/** The broker keeps an epoch in 16 bits. */
const LAST_EPOCH = 32_767;

const areSame = (left: readonly NewRecord[], right: readonly NewRecord[]): boolean =>
  left.length === right.length && left.every((record, index) => record === right[index]);

/**
 * Sends the batches of a topic, one at a time. The broker takes a batch once, also when it is sent again because its answer
 * was lost. For that, each batch has an epoch of its own, and the broker counts its records from zero. The idempotent
 * producer of the client is of no use here: it forgets what it has sent with each error that it gives back.
 */
export const createSendOnce = (client: ProducerClient) => {
  let producer: ProducerInfo | undefined;
  let given: readonly NewRecord[] = [];
  let placed: NewRecord[] = [];
  let turn = 0;

  const nextProducer = async (): Promise<ProducerInfo> =>
    producer && producer.producerEpoch < LAST_EPOCH
      ? { ...producer, producerEpoch: producer.producerEpoch + 1 }
      : client.initIdempotentProducer({});
  /** Not left to the client: a batch that is sent again has to go where it went before. */
  const place = (record: NewRecord): NewRecord =>
    record.partition === undefined ? { ...record, partition: turn++ } : record;

  return async (messages: readonly NewRecord[]): Promise<void> => {
    if (!producer || !areSame(messages, given)) {
      producer = await nextProducer();
      given = messages;
      placed = messages.map(place);
    }
    const { producerId, producerEpoch } = producer;
    try {
      // The client does not look at the `acks` of its producer: without one here, the leader alone would confirm.
      await client.send({ messages: placed, acks: ProduceAcks.ALL, producerId, producerEpoch });
      given = [];
      placed = [];
    } catch (error) {
      if (isFencedProducer(error)) producer = undefined;
      throw error;
    }
  };
};
