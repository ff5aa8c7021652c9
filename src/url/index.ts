/**
 * A transport that an environment variable chooses: `import { transportFromUrl } from 'mapbus/url'`.
 * @module
 */
import type { BusTransport } from '../bus/types.ts';
import type { DeliveryOptions } from '../old-seam/seam.ts';

type Query = ReadonlyMap<string, string>;
type Open = (url: string, query: Query, options: Partial<DeliveryOptions>) => Promise<BusTransport | undefined>;

/** Our options, which may stand in the query of a URL. */
const NUMBERS = [
  'prefetch',
  'partitions',
  'sessionTimeoutMs',
  'maxAttempts',
  'retryDelayMs',
  'publishTimeoutMs',
  'maxPendingPublishes',
  'maxEventBytes',
  'readyTimeoutMs',
];
const BOOLEANS = ['broadcast', 'singleActiveConsumer'];
const TEXTS = ['service', 'source'];
/** Options of the clients, by the scheme of the URL. */
const CLIENT_OPTIONS: Readonly<Record<string, readonly string[]>> = {
  amqp: [
    'acquireTimeout',
    'connectionTimeout',
    'frameMax',
    'heartbeat',
    'maxChannels',
    'noDelay',
    'retryHigh',
    'retryLow',
  ],
  kafka: ['tls'],
};

/** Our options of a query. A number that is none is left to the check of the transport, which names it. */
const readQuery = (query: Query): Record<string, unknown> => {
  const read = (name: string, text: string): unknown => {
    if (NUMBERS.includes(name)) return Number(text);
    if (BOOLEANS.includes(name)) return text === 'true' ? true : text === 'false' ? false : text;
    return text;
  };
  const own = [...query].filter(([name]) => [...NUMBERS, ...BOOLEANS, ...TEXTS].includes(name));
  return Object.fromEntries(own.map(([name, text]) => [name, read(name, text)]));
};

/** @throws TypeError for what nobody would read */
const checkQuery = (scheme: string, query: Query): void => {
  const client = CLIENT_OPTIONS[scheme.replace('amqps', 'amqp')] ?? [];
  const known = [...NUMBERS, ...BOOLEANS, ...TEXTS, ...client];
  for (const name of query.keys())
    if (!known.includes(name))
      throw new TypeError(`[mapbus] transportFromUrl: unknown query key ${name}, expected ${known.join(', ')}`);
};

/** Imports a transport, and says which package is missing if that is why it cannot be. */
const load = async <Door>(importDoor: () => Promise<Door>, client: string): Promise<Door> => {
  try {
    return await importDoor();
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') throw cause;
    throw new Error(`[mapbus] transportFromUrl: this needs the package ${client}: npm install ${client}`, { cause });
  }
};

const openRabbitmq: Open = async (url, query, options) => {
  const { rabbitmq } = await load(() => import('../rabbitmq/index.ts'), 'rabbitmq-client');
  const own = readQuery(query);
  const theirs = [...query].filter(([name]) => !Object.hasOwn(own, name));
  const [address = ''] = url.split('?');
  const rest = theirs.length > 0 ? `?${new URLSearchParams(theirs)}` : '';
  return rabbitmq({ service: '', ...options, ...own, url: `${address}${rest}` });
};

const openKafka: Open = async (url, query, options) => {
  const { kafka } = await load(() => import('../kafka/index.ts'), '@platformatic/kafka');
  // A list of hosts is no URL by the standard, so it is read by hand.
  const [, credentials, hosts = ''] = /^kafka:\/\/(?:([^@/]*)@)?([^/?]*)/.exec(url) ?? [];
  const [username, password] = (credentials ?? '').split(':').map(decodeURIComponent);
  const sasl = username ? { sasl: { mechanism: 'PLAIN' as const, username, password: password ?? '' } } : {};
  const tls = query.get('tls') === 'true' ? { tls: {} } : {};
  const brokers = hosts.split(',');
  return kafka({ service: '', ...options, ...readQuery(query), brokers, connection: { ...sasl, ...tls } });
};

const openers: Readonly<Record<string, Open>> = {
  memory: async () => undefined,
  amqp: openRabbitmq,
  amqps: openRabbitmq,
  kafka: openKafka,
};

/**
 * The transport of a URL, or none for the in-memory bus: `memory:`, `amqp://…` and `amqps://…` for RabbitMQ,
 * `kafka://host:port,host:port` for Kafka. Options may stand in the query, which wins over those given here. A client is
 * loaded only when its transport is chosen.
 * @throws (rejects with) TypeError without a URL, since a missing variable must not mean memory in production; for an
 * unknown scheme or query key, with a list of the known ones; and for a bad option. Never with the URL, which may have a
 * password in it
 * @example
 * const transport = await transportFromUrl(process.env.EVENT_BUS_URL ?? 'memory:', { service: 'billing' });
 * const bus = createEventBus<AppEvents>({ transport });
 */
export const transportFromUrl = async (
  url: string,
  options: Partial<DeliveryOptions> = {},
): Promise<BusTransport | undefined> => {
  if (typeof url !== 'string' || url === '')
    throw new TypeError("[mapbus] transportFromUrl: expected a URL, got none; write 'memory:' for memory");
  const [scheme = ''] = url.split(':');
  const open = Object.hasOwn(openers, scheme) ? openers[scheme] : undefined;
  if (!open) {
    const known = Object.keys(openers).join(', ');
    throw new TypeError(
      `[mapbus] transportFromUrl: expected one of the schemes ${known}, got ${JSON.stringify(scheme)}`,
    );
  }
  const [, text = ''] = url.split('?');
  const query = new Map(new URLSearchParams(text));
  checkQuery(scheme, query);
  return open(url, query, options);
};
