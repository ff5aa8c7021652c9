/**
 * Events over Kafka: `import { kafka } from 'mapbus/kafka'`. Needs the package `@platformatic/kafka`.
 * @module
 */
import type { ConnectionOptions } from '@platformatic/kafka';
import type { BusTransport } from '../bus/types.ts';
import type { TransportFeatures } from '../old-seam/port.ts';
import { BROKER_OPTIONS, type BrokerOptions, defineTransport, readOptions } from '../old-seam/seam.ts';
import { check, type KnownOptions } from '../shared/check.ts';
import { connect } from './connect.ts';
import { type KafkaNames, readNames } from './names.ts';

export type { KafkaNames } from './names.ts';

/** How a bus reaches Kafka. */
export interface KafkaOptions extends BrokerOptions {
  /** `host:port` of some brokers of the cluster. */
  readonly brokers: readonly string[];
  /** The client's own options, untouched: TLS, SASL, time limits. */
  readonly connection?: ConnectionOptions | undefined;
  /** Of topics that are made here: how many processes of a service can share one. @default 3 */
  readonly partitions?: number | undefined;
  /** Milliseconds after which a process that has died is out of its group, and its events go to others. @default 10_000 */
  readonly sessionTimeoutMs?: number | undefined;
  readonly names?: KafkaNames | undefined;
}

const KNOWN_OPTIONS: KnownOptions = {
  ...BROKER_OPTIONS,
  brokers: 'object',
  partitions: 'positive integer',
  sessionTimeoutMs: 'positive milliseconds',
};

const BROKER = /^[^\s:/@]+:\d{1,5}$/;

/**
 * A transport over Kafka 3.5 or newer: a topic for each event name, a consumer group for each service. A new service
 * begins with what Kafka still has of its topics.
 * @throws TypeError for a bad or missing option
 * @example
 * const bus = createEventBus<AppEvents>({ transport: kafka({ brokers: ['localhost:9092'], service: 'billing' }) });
 * await bus.ready();
 */
export const kafka = (options: KafkaOptions): BusTransport => {
  const settings = readOptions('kafka options', options, KNOWN_OPTIONS);
  const { brokers, connection, prefetch = 10, broadcast = false, partitions = 3 } = options;
  const { sessionTimeoutMs = 10_000 } = options;
  check('kafka options.brokers', brokers, ['map']);
  if (brokers.length === 0 || !brokers.every((broker) => BROKER.test(broker)))
    throw new TypeError('[mapbus] kafka options.brokers: expected a list of host:port');
  const { service, publishTimeoutMs } = settings;
  const features: TransportFeatures = {
    durable: !broadcast,
    redelivers: true,
    consumerGroups: !broadcast,
    orderedByKey: true,
    receivesAll: false,
  };
  const client = {
    timeout: publishTimeoutMs,
    requestTimeout: publishTimeoutMs,
    ...connection,
    clientId: `mapbus-${service}`,
    bootstrapBrokers: [...brokers],
  };
  const names = readNames(options.names);
  return defineTransport(
    (report) =>
      connect({ options: client, names, features, service, partitions, prefetch, broadcast, sessionTimeoutMs }, report),
    features,
    settings,
  );
};
