/**
 * Events over RabbitMQ: `import { rabbitmq } from 'mapbus/rabbitmq'`. Needs the package `rabbitmq-client`.
 * @module
 */
import type { ConnectionOptions } from 'rabbitmq-client';
import type { BusTransport } from '../bus/types.ts';
import type { TransportFeatures } from '../old-seam/port.ts';
import { BROKER_OPTIONS, type BrokerOptions, defineTransport, readOptions } from '../old-seam/seam.ts';
import type { KnownOptions } from '../shared/check.ts';
import { connect } from './connect.ts';
import { type RabbitMQNames, readNames } from './names.ts';
import { createTopology } from './topology.ts';

export type { RabbitMQNames } from './names.ts';

/** How a bus reaches RabbitMQ. */
export interface RabbitMQOptions extends BrokerOptions {
  /** `amqp://user:password@host:port/vhost`, or `amqps:` for TLS. */
  readonly url: string;
  /** The client's own options, untouched: TLS, heartbeat, hosts of a cluster. */
  readonly connection?: ConnectionOptions | undefined;
  /** One process of the service at a time handles events, so that those of one key keep their order. @default false */
  readonly singleActiveConsumer?: boolean | undefined;
  readonly names?: RabbitMQNames | undefined;
}

const KNOWN_OPTIONS: KnownOptions = {
  ...BROKER_OPTIONS,
  url: 'string',
  singleActiveConsumer: 'boolean',
};

/**
 * A transport over RabbitMQ 3.10 or newer: a durable topic exchange, a quorum queue for each service.
 * @throws TypeError for a bad or missing option
 * @example
 * const bus = createEventBus<AppEvents>({ transport: rabbitmq({ url, service: 'billing' }) });
 * await bus.ready();
 */
export const rabbitmq = (options: RabbitMQOptions): BusTransport => {
  const settings = readOptions('rabbitmq options', options, KNOWN_OPTIONS);
  const { url, connection, prefetch = 10, broadcast = false, singleActiveConsumer = false } = options;
  // Without the value, which has a password in it.
  if (!/^amqps?:\/\//.test(String(url)) || !URL.canParse(url))
    throw new TypeError('[mapbus] rabbitmq options.url: expected amqp:// or amqps:// and a host');
  const { service, publishTimeoutMs } = settings;
  const features: TransportFeatures = {
    durable: !broadcast,
    redelivers: true,
    consumerGroups: !broadcast,
    orderedByKey: singleActiveConsumer || broadcast,
    receivesAll: true,
  };
  const topology = createTopology(readNames(options.names), service, { broadcast, singleActiveConsumer });
  // A heartbeat is what finds a broker that is frozen or out of reach: it is declared dead after two.
  const connectionOptions: ConnectionOptions = {
    heartbeat: 5,
    acquireTimeout: publishTimeoutMs,
    connectionName: `mapbus ${service}`,
    ...connection,
    url,
  };
  return defineTransport(
    (report) => connect({ connection: connectionOptions, topology, features, prefetch, service }, report),
    features,
    settings,
  );
};
