import { Buffer } from 'node:buffer';
import type { ConsumerSpec } from '../transport/index.ts';

/** The longest time that RabbitMQ takes for `x-expires`. */
export const MAX_EXPIRES_MS = 4_294_967_000;
/** The longest name that AMQP can carry, in bytes. */
const MAX_NAME_BYTES = 255;
/** The longest number of milliseconds in the name of a retry queue. */
const LONGEST_DELAY = '1048576000';

/** What things are called at the broker. Services and consumers have no dots in their names, so that no two names meet. */
export const createNames = (namespace: string, service: string) => {
  const prefix = namespace === '' ? 'mapbus' : `mapbus-${namespace}`;
  return {
    exchange: `${prefix}.events`,
    dead: `${prefix}.dead.${service}`,
    /** Exists while somebody looks at the dead letters. */
    look: `${prefix}.look.${service}`,
    queue: (consumer: string) => `${prefix}.queue.${service}.${consumer}`,
    retry: (consumer: string, levelMs: number | string) => `${prefix}.retry.${levelMs}.${service}.${consumer}`,
    /** Keeps which event names a consumer is bound to, since AMQP cannot list bindings. */
    record: (consumer: string) => `${prefix}.names.${service}.${consumer}`,
    /** Keeps which consumers the service has, since AMQP cannot list queues. */
    directory: `${prefix}.consumers.${service}`,
    /** Exists while a process runs a consumer with these event names. */
    present: (consumer: string, version: string) => `${prefix}.present.${version}.${service}.${consumer}`,
    tail: (id: string) => `${prefix}.tail.${service}.${id}`,
    /** The consumer that a queue of this service belongs to. */
    consumerOf: (queue: string): string | undefined => {
      const start = `${prefix}.queue.${service}.`;
      return queue.startsWith(start) ? queue.slice(start.length) : undefined;
    },
  };
};

export type Names = ReturnType<typeof createNames>;

export const refuseName = (name: string): string | undefined => {
  // Bindings of a topic exchange would take these for wildcards.
  if (/[*#]/.test(name)) return `RabbitMQ takes no * and no # in a name, got ${JSON.stringify(name)}`;
  const bytes = Buffer.byteLength(name);
  return bytes > MAX_NAME_BYTES ? `RabbitMQ takes names of up to ${MAX_NAME_BYTES} bytes, got ${bytes}` : undefined;
};

export const refuseConsumer =
  (names: Names) =>
  ({
    consumer,
    concurrency,
    expiresAfterMs,
  }: Pick<ConsumerSpec, 'consumer' | 'concurrency' | 'expiresAfterMs'>): string | undefined => {
    const bytes = names.retry(consumer, LONGEST_DELAY).length;
    if (bytes > MAX_NAME_BYTES)
      return `RabbitMQ takes queue names of up to ${MAX_NAME_BYTES} bytes, and those of ${consumer} need ${bytes}`;
    if (expiresAfterMs > MAX_EXPIRES_MS)
      return `RabbitMQ takes an expiresAfterMs of up to ${MAX_EXPIRES_MS} (49 days), got ${expiresAfterMs}`;
    if (concurrency > 65_535) return `RabbitMQ takes a concurrency of up to 65535, got ${concurrency}`;
    return undefined;
  };
