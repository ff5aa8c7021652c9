import type { RabbitMQOptions } from '../rabbitmq/index.ts';
import type { Transport } from '../transport/index.ts';
import { load } from './load.ts';
import { type KnownQuery, readQuery } from './query.ts';

/** Options of the client `rabbitmq-client`. It reads few of them from its URL, so they are given beside it. */
const CLIENT_OPTIONS: KnownQuery = {
  acquireTimeout: 'number',
  connectionTimeout: 'number',
  frameMax: 'number',
  heartbeat: 'number',
  maxChannels: 'number',
  retryHigh: 'number',
  retryLow: 'number',
};

/** `amqp://user:password@host:port/vhost`, or `amqps:` for TLS. */
export const openAmqp = async (url: string): Promise<Transport> => {
  const { topology, ...connection } = readQuery(url, { topology: 'text', ...CLIENT_OPTIONS });
  const { rabbitmq } = await load(() => import('../rabbitmq/index.ts'), 'rabbitmq-client');
  const [address = ''] = url.split('?');
  // The transport and the client check the options of the query.
  return rabbitmq({ url: address, connection, topology: topology as RabbitMQOptions['topology'] });
};
