import { check, type KnownOptions, readOptions as readKnownOptions } from '../shared/check.ts';

/** What every transport takes beside its own options. */
export interface DeliveryOptions {
  /** The name that all processes of one service share: together they get each event once. */
  readonly service: string;
  /** The `source` of the CloudEvents that are published here. @default `/{service}` */
  readonly source?: string | undefined;
  /** How often a handler is tried before its event becomes a dead letter. @default 5 */
  readonly maxAttempts?: number | undefined;
  /** Milliseconds before the second attempt; each one after waits twice as long, up to two minutes. @default 1_000 */
  readonly retryDelayMs?: number | undefined;
  /** Milliseconds that a publish may take, connecting included. @default 10_000 */
  readonly publishTimeoutMs?: number | undefined;
  /** How many publishes may wait for the broker; one more fails at once. @default 1_000 */
  readonly maxPendingPublishes?: number | undefined;
  /** How large an event may be on its way. @default 262_144 */
  readonly maxEventBytes?: number | undefined;
  /** Milliseconds after which `ready` rejects; the subscriptions are still tried. @default 30_000 */
  readonly readyTimeoutMs?: number | undefined;
}

/** What a transport over a broker takes beside that. */
export interface BrokerOptions extends DeliveryOptions {
  /** How many events are in handlers at once in this process. @default 10 */
  readonly prefetch?: number | undefined;
  /** Every process gets every event from now on, in place of one process of the service. @default false */
  readonly broadcast?: boolean | undefined;
}

export type Settings = { readonly [Option in keyof DeliveryOptions]-?: NonNullable<DeliveryOptions[Option]> };

const KNOWN_OPTIONS: KnownOptions = {
  service: 'string',
  source: 'string',
  maxAttempts: 'positive integer',
  retryDelayMs: 'positive milliseconds',
  publishTimeoutMs: 'positive milliseconds',
  maxPendingPublishes: 'positive integer',
  maxEventBytes: 'positive integer',
  readyTimeoutMs: 'positive milliseconds',
};

export const BROKER_OPTIONS: KnownOptions = {
  connection: 'object',
  names: 'object',
  prefetch: 'positive integer',
  broadcast: 'boolean',
};

/** Fits the names of queues, topics and groups of every broker. */
const SERVICE = /^[a-zA-Z0-9][a-zA-Z0-9._-]{0,99}$/;

/**
 * Checks the options of a transport, its own included, and gives those of delivery with their defaults.
 * @throws TypeError for a bad or missing option
 */
export const readOptions = (what: string, options: DeliveryOptions, own: KnownOptions = {}): Settings => {
  readKnownOptions(what, options, { ...KNOWN_OPTIONS, ...own });
  const { service } = options;
  check(`${what}.service`, service, 'string');
  if (!SERVICE.test(service)) {
    const expected = 'up to 100 letters, digits, dots, dashes and underscores, a letter or digit first';
    throw new TypeError(`[mapbus] ${what}.service: expected ${expected}, got ${JSON.stringify(service)}`);
  }
  return {
    service,
    source: options.source ?? `/${service}`,
    maxAttempts: options.maxAttempts ?? 5,
    retryDelayMs: options.retryDelayMs ?? 1_000,
    publishTimeoutMs: options.publishTimeoutMs ?? 10_000,
    maxPendingPublishes: options.maxPendingPublishes ?? 1_000,
    maxEventBytes: options.maxEventBytes ?? 262_144,
    readyTimeoutMs: options.readyTimeoutMs ?? 30_000,
  };
};
