import type { RabbitMQOptions } from '../rabbitmq/index.ts';
import type { Transport } from '../transport/index.ts';
import { load } from './load.ts';
import { type KnownQuery, readQuery } from './query.ts';

/** Options of the client `rabbitmq-client`. */
const CLIENT_OPTIONS: KnownQuery = {
  acquireTimeout: 'number',
  connectionTimeout: 'number',
  frameMax: 'number',
  heartbeat: 'number',
  maxChannels: 'number',
  noDelay: 'text',
  retryHigh: 'number',
  retryLow: 'number',
};

/** `amqp://user:password@host:port/vhost`, or `amqps:` for TLS. */
export const openAmqp = async (url: string): Promise<Transport> => {
  const { topology, ...client } = readQuery(url, { topology: 'text', ...CLIENT_OPTIONS });
  const { rabbitmq } = await load(() => import('../rabbitmq/index.ts'), 'rabbitmq-client');
  const [address = ''] = url.split('?');
  const rest = new URLSearchParams(Object.entries(client).map(([name, value]) => [name, String(value)]));
  // The transport checks the option of the query.
  return rabbitmq({
    url: rest.size > 0 ? `${address}?${rest}` : address,
    topology: topology as RabbitMQOptions['topology'],
  });
};
