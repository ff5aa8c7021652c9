/**
 * Events over RabbitMQ: `import { rabbitmq } from 'mapbus/rabbitmq'`. Needs the package `rabbitmq-client`.
 * @module
 */
import type { ConnectionOptions } from 'rabbitmq-client';
import { checkOneOf, readOptions } from '../shared/check.ts';
import type { Transport } from '../transport/index.ts';
import { connect } from './connect.ts';

/** What `url` says. The client would take it from there, whatever the option says. */
const IN_URL = ['url', 'hostname', 'port', 'username', 'password', 'vhost'] as const;
type InUrl = (typeof IN_URL)[number];

/** How a bus reaches RabbitMQ. */
export interface RabbitMQOptions {
  /**
   * `amqp://user:password@host:port/vhost`, or `amqps:` for TLS. A user, a password or a virtual host with other characters
   * than letters and digits goes through `encodeURIComponent`.
   */
  readonly url: string;
  /**
   * More options of the client: `tls`, `heartbeat` (5 seconds by default), `hosts` of a cluster, which are used in place of
   * the host in `url`.
   */
  readonly connection?: Omit<ConnectionOptions, InUrl> | undefined;
  /**
   * `'declare'` makes what is missing at the broker. `'check'` only looks whether all is there, and needs no permission to
   * configure; `bus.plan()` says what has to be there.
   * @default 'declare'
   */
  readonly topology?: 'declare' | 'check' | undefined;
}

/** A broker that is frozen or out of reach is given up after two heartbeats, in seconds. It is tried again soon. */
const CONNECTION: ConnectionOptions = {
  heartbeat: 5,
  retryLow: 100,
  retryHigh: 1_000,
  frameMax: 131_072,
  acquireTimeout: 5_000,
};

/**
 * A transport over RabbitMQ 3.10 or newer: a topic exchange, a quorum queue for each consumer.
 * @throws TypeError for a bad or missing option
 * @example
 * const bus = createServiceBus<AppEvents>({ service: 'billing', transport: rabbitmq({ url }), sends: 'all' });
 */
export const rabbitmq = (options: RabbitMQOptions): Transport => {
  const read = readOptions('rabbitmq options', options, {
    url: 'string',
    connection: 'plain object',
    topology: 'string',
  });
  const { url, connection, topology = 'declare' } = read;
  // Without the value, which has a password in it.
  if (!/^amqps?:\/\//.test(String(url)) || !URL.canParse(url))
    throw new TypeError('[mapbus] rabbitmq options.url: expected amqp:// or amqps:// and a host');
  for (const name of IN_URL)
    if (Object.hasOwn(connection ?? {}, name))
      throw new TypeError(`[mapbus] rabbitmq options.connection.${name}: expected it in options.url`);
  checkOneOf('rabbitmq options.topology', topology, ['declare', 'check']);
  const settings = { connection: { ...CONNECTION, ...connection, url }, isChecked: topology === 'check' };
  return { connect: (context) => connect(settings, context) };
};
