/**
 * A transport that an environment variable chooses: `import { transportFromUrl } from 'mapbus/url'`.
 * @module
 */
import type { Database } from '../postgres/index.ts';
import type { Transport } from '../transport/index.ts';
import { openAmqp } from './amqp.ts';
import { openKafka } from './kafka.ts';
import { openMemory } from './memory.ts';
import { openPostgres, putOutbox } from './postgres.ts';

const SCHEMES: Readonly<Record<string, (url: string, database?: Database<unknown>) => Promise<Transport>>> = {
  memory: openMemory,
  amqp: openAmqp,
  amqps: openAmqp,
  kafka: openKafka,
  kafkas: openKafka,
  postgres: openPostgres,
  postgresql: openPostgres,
};

/** What cannot stand in a URL. */
export interface TransportFromUrlOptions<Session> {
  /**
   * Your database. Events of other transports go through an outbox in it, so that a publish takes a session. For
   * `postgres:` it is the transport itself.
   */
  readonly database?: Database<Session> | undefined;
}

/**
 * The transport of a URL: `memory:`, `amqp://…` or `amqps://…` for RabbitMQ, `kafka://host:port,host:port` or `kafkas://…`
 * for Kafka, `postgres://…` for Postgres with the client `pg`. Options of the transport may stand in the query. A client is loaded only when its transport is chosen.
 * @throws (rejects with) TypeError without a URL, since a missing variable must not mean memory in production; for an
 * unknown scheme or query key, with a list of the known ones; and for a bad option. Never with the URL, which may have a
 * password in it. An error that names the package of the client, if it is not installed
 * @example
 * const transport = await transportFromUrl(process.env.EVENT_BUS_URL ?? 'memory:');
 * const bus = createServiceBus<AppEvents>({ service: 'billing', transport, sends: 'all' });
 */
export const transportFromUrl = async <Session = unknown>(
  url: string,
  { database }: TransportFromUrlOptions<Session> = {},
): Promise<Transport<Session>> => {
  if (typeof url !== 'string' || url === '')
    throw new TypeError("[mapbus] transportFromUrl: expected a URL, got none; write 'memory:' for memory");
  const [scheme = ''] = url.split(':');
  const open = Object.hasOwn(SCHEMES, scheme) ? SCHEMES[scheme] : undefined;
  if (!open) {
    const known = Object.keys(SCHEMES).join(', ');
    throw new TypeError(
      `[mapbus] transportFromUrl: expected one of the schemes ${known}, got ${JSON.stringify(scheme)}`,
    );
  }
  // A bus with this transport takes only sessions of this database.
  const untyped = database as Database<unknown> | undefined;
  const transport = await open(url, untyped);
  return untyped && open !== openPostgres ? putOutbox(transport, untyped) : transport;
};
