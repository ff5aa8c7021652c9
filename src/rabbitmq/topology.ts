import type { Connection } from 'rabbitmq-client';
import type { readNames } from './names.ts';

type QueueOptions = Exclude<Parameters<Connection['queueDeclare']>[0], string | undefined>;

// How often the broker gives an event to processes that die of it, before it gives up.
const DELIVERY_LIMIT = 20;

// A queue that hands its events on only once they are safe in the next one.
const handOn = (queue: string) => ({
  'x-dead-letter-exchange': '',
  'x-dead-letter-routing-key': queue,
  'x-dead-letter-strategy': 'at-least-once',
  'x-overflow': 'reject-publish' as const,
});

/** Everything that a service has at the broker. All of it outlives the process, but for the queues of a broadcast. */
export const createTopology = (
  { exchange, queue, retryQueue, deadLetterQueue }: ReturnType<typeof readNames>,
  service: string,
  { broadcast, singleActiveConsumer }: { broadcast: boolean; singleActiveConsumer: boolean },
) => {
  const own = broadcast ? `${service}.${crypto.randomUUID()}` : service;
  const deadLetters = deadLetterQueue(service);

  const events: QueueOptions = broadcast
    ? { queue: queue(own), exclusive: true, autoDelete: true }
    : {
        queue: queue(own),
        durable: true,
        arguments: {
          'x-queue-type': 'quorum',
          'x-delivery-limit': DELIVERY_LIMIT,
          ...handOn(deadLetters),
          ...(singleActiveConsumer && { 'x-single-active-consumer': true }),
        },
      };
  const dead: QueueOptions = { queue: deadLetters, durable: true, arguments: { 'x-queue-type': 'quorum' } };
  /** The queue for this delay: events wait in it for their own time, and leave in the order in which they came. */
  const retry = (delayMs: number): QueueOptions => {
    const levelMs = 2 ** Math.ceil(Math.log2(Math.max(1, delayMs)));
    const name = retryQueue(own, levelMs);
    return broadcast
      ? {
          queue: name,
          autoDelete: false,
          arguments: {
            'x-dead-letter-exchange': '',
            'x-dead-letter-routing-key': queue(own),
            'x-expires': levelMs + 600_000,
          },
        }
      : {
          queue: name,
          durable: true,
          arguments: { 'x-queue-type': 'quorum', 'x-message-ttl': levelMs, ...handOn(queue(own)) },
        };
  };
  return { exchange, events, dead, retry };
};

export type Topology = ReturnType<typeof createTopology>;
