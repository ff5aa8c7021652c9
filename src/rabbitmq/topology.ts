import type { Connection } from 'rabbitmq-client';
import type { ConsumerSpec } from '../transport/index.ts';
import { MAX_EXPIRES_MS, type Names } from './names.ts';

type Declared = Exclude<Parameters<Connection['queueDeclare']>[0], string | undefined>;

/** A queue as it is declared. */
export interface Queue {
  readonly queue: string;
  readonly durable: boolean;
  readonly autoDelete?: boolean;
  readonly arguments: NonNullable<Declared['arguments']>;
}

export interface Binding {
  readonly queue: string;
  readonly exchange: string;
  readonly routingKey: string;
}

/**
 * The bus gives an event up at its 21st delivery. This limit is only for what the bus cannot reach. It is higher, so that
 * events that were beside a deadly one are not given up with it.
 */
const DELIVERY_LIMIT = 100;
/** No limit, for 3.10 and 4.x alike: on 3.10 a limit of -1 destroys a message at its first return. */
const NO_DELIVERY_LIMIT = 1_000_000;
const DAY_MS = 86_400_000;
/** The shortest time of a retry queue. A shorter delay has its own time in there, behind those before it. */
const SHORTEST_LEVEL_MS = 125;
/** A retry comes up to a quarter earlier than its longest delay. */
const EARLIEST = 0.75;

/** The longest delay of a retry: its level must be less than half of what RabbitMQ can count. */
export const MAX_DELAY_MS = 1_000 * 2 ** 20;

/** The time of the retry queue for a delay: 1,000 ms times or divided by a power of two. */
export const levelOf = (delayMs: number): number =>
  Math.max(SHORTEST_LEVEL_MS, 1_000 * 2 ** Math.ceil(Math.log2(Math.max(1, delayMs) / 1_000)));

/** All times that a retry queue can have. */
export const allLevels = (): number[] => {
  const found: number[] = [];
  for (let ms = levelOf(0); ms <= levelOf(MAX_DELAY_MS); ms *= 2) found.push(ms);
  return found;
};

/** The times of the retry queues that a consumer needs. */
export const levelsOf = ({ retryDelaysMs }: Pick<ConsumerSpec, 'retryDelaysMs'>): number[] => {
  const levels = retryDelaysMs.flatMap((delayMs) => [levelOf(delayMs), levelOf(delayMs * EARLIEST)]);
  return [...new Set(levels)].sort((a, b) => a - b);
};

const expires = (ms: number): number => Math.min(MAX_EXPIRES_MS, Math.max(1, Math.ceil(ms)));

// A queue that hands its messages on only once they are safe in the next one. Both arguments are needed for that.
const handOnTo = (queue: string) => ({
  'x-dead-letter-exchange': '',
  'x-dead-letter-routing-key': queue,
  'x-dead-letter-strategy': 'at-least-once',
  'x-overflow': 'reject-publish' as const,
});

const quorum = (queue: string, more: Queue['arguments']): Queue => ({
  queue,
  durable: true,
  arguments: { 'x-queue-type': 'quorum', ...more },
});

/** All that a service has at the broker, as it is declared. */
export const createTopology = (names: Names) => ({
  directory: (): Queue => quorum(names.directory, { 'x-delivery-limit': NO_DELIVERY_LIMIT }),
  dead: (): Queue => quorum(names.dead, { 'x-delivery-limit': NO_DELIVERY_LIMIT }),
  queue: ({ consumer, order, expiresAfterMs }: ConsumerSpec): Queue =>
    quorum(names.queue(consumer), {
      'x-delivery-limit': DELIVERY_LIMIT,
      'x-expires': expires(expiresAfterMs),
      ...handOnTo(names.dead),
      ...(order === 'key' && { 'x-single-active-consumer': true }),
    }),
  // To publish to a queue does not count as use, nor to declare it again. So that no waiting retry is removed with its
  // queue, the queue stays for longer than its consumer, and `touch` uses it.
  retry: ({ consumer, expiresAfterMs }: ConsumerSpec, levelMs: number): Queue =>
    quorum(names.retry(consumer, levelMs), {
      'x-message-ttl': levelMs,
      'x-delivery-limit': NO_DELIVERY_LIMIT,
      'x-expires': expires(Math.max(expiresAfterMs, DAY_MS) + 2 * levelMs),
      ...handOnTo(names.queue(consumer)),
    }),
  record: ({ consumer, expiresAfterMs }: ConsumerSpec): Queue =>
    quorum(names.record(consumer), {
      'x-delivery-limit': NO_DELIVERY_LIMIT,
      'x-expires': expires(Math.max(expiresAfterMs, DAY_MS)),
    }),
  present: (consumer: string, version: string): Queue => ({
    queue: names.present(consumer, version),
    durable: true,
    autoDelete: true,
    arguments: {},
  }),
  bindings: ({ consumer, names: eventNames }: Pick<ConsumerSpec, 'consumer' | 'names'>): Binding[] =>
    eventNames.map((routingKey) => ({ queue: names.queue(consumer), exchange: names.exchange, routingKey })),
});

export type Topology = ReturnType<typeof createTopology>;

const show = (queue: Queue): string =>
  `queue ${queue.queue} durable=${queue.durable} arguments=${JSON.stringify(queue.arguments)}`;

/** What an operator has to make, a line each. */
export const planLines = (names: Names, topology: Topology, consumers: readonly ConsumerSpec[]): string[] => {
  const lines = [`exchange ${names.exchange} type=topic durable=true`];
  if (consumers.length > 0) lines.push(show(topology.directory()), show(topology.dead()));
  for (const spec of consumers) {
    lines.push(show(topology.queue(spec)));
    for (const levelMs of levelsOf(spec)) lines.push(show(topology.retry(spec, levelMs)));
    for (const { queue, exchange, routingKey } of topology.bindings(spec))
      lines.push(`binding ${exchange} -> ${queue} routing-key=${JSON.stringify(routingKey)}`);
  }
  const pattern = `^${names.queue('').replaceAll('.', '\\.')}`;
  if (consumers.length > 0)
    lines.push(
      `policy (suggested) pattern=${JSON.stringify(pattern)} apply-to=queues definition={"max-length-bytes":1073741824,"overflow":"reject-publish"}`,
    );
  return lines;
};
