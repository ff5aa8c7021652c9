/**
 * Events over Kafka: `import { kafka } from 'mapbus/kafka'`. Needs the package `@platformatic/kafka`.
 * @module
 */
import type { BaseOptions } from '@platformatic/kafka';
import { check, checkOneOf, type KnownOptions, readOptions } from '../shared/check.ts';
import type { Transport } from '../transport/index.ts';
import { connect } from './connect.ts';

/** How a bus reaches Kafka. */
export interface KafkaOptions {
  /** `host:port` of some brokers of the cluster. */
  readonly brokers: readonly string[];
  /** The client's own options: TLS, SASL, time limits. */
  readonly connection?: Partial<Omit<BaseOptions, 'clientId' | 'bootstrapBrokers' | 'retries'>> | undefined;
  /**
   * `'declare'` makes the topics that are missing. `'check'` makes none, for an operator who does; a topic that is missing
   * is an error then. @default 'declare'
   */
  readonly topology?: 'declare' | 'check' | undefined;
  /** Of topics that are made here: how many processes of a consumer can share its events. @default 3 */
  readonly partitions?: number | undefined;
  /** Copies of each topic that is made here. Left out, the default of the broker counts. */
  readonly replicas?: number | undefined;
  /** Milliseconds after which a process that has died is out of its groups, and its events go to others. @default 10_000 */
  readonly sessionTimeoutMs?: number | undefined;
  /** Milliseconds between commits. What was handled since the last one comes again after a crash. @default 500 */
  readonly commitIntervalMs?: number | undefined;
  /** How many events of a partition are read past its commit. No more can come again after a crash. @default 10_000 */
  readonly maxUncommitted?: number | undefined;
  /** Where a new consumer begins: with what is published from now on, or with what Kafka still has. @default 'now' */
  readonly from?: 'now' | 'earliest' | undefined;
  /**
   * Names this process in its groups. A process that is started again with the same name gets its partitions back at once,
   * also after a crash. No two processes may have the same. @default a random one for each process
   */
  readonly instanceId?: string | undefined;
}

const KNOWN_OPTIONS: KnownOptions = {
  brokers: 'array',
  connection: 'object',
  topology: 'string',
  partitions: 'positive integer',
  replicas: 'positive integer',
  sessionTimeoutMs: 'positive milliseconds',
  commitIntervalMs: 'positive milliseconds',
  maxUncommitted: 'positive integer',
  from: 'string',
  instanceId: 'string',
};

const BROKER = /^[^\s:/@]+:\d{1,5}$/;
const INSTANCE_ID = /^[a-zA-Z0-9._-]{1,100}$/;

/**
 * A transport over Kafka 3.5 or newer: a topic for each event name, and a group and a retry topic for each consumer.
 * @throws TypeError for a bad or missing option
 * @example
 * const bus = createServiceBus<AppEvents>({ service: 'billing', transport: kafka({ brokers: ['localhost:9092'] }), sends: 'all' });
 */
export const kafka = (options: KafkaOptions): Transport => {
  const { brokers, connection, replicas, ...rest } = readOptions('kafka options', options, KNOWN_OPTIONS);
  const { topology = 'declare', partitions = 3, sessionTimeoutMs = 10_000, commitIntervalMs = 500 } = rest;
  const { maxUncommitted = 10_000, from = 'now', instanceId } = rest;
  check('kafka options.brokers', brokers, 'array');
  if (brokers.length === 0 || !brokers.every((broker) => typeof broker === 'string' && BROKER.test(broker)))
    throw new TypeError('[mapbus] kafka options.brokers: expected a list of host:port');
  checkOneOf('kafka options.topology', topology, ['declare', 'check']);
  checkOneOf('kafka options.from', from, ['now', 'earliest']);
  if (instanceId !== undefined && !INSTANCE_ID.test(instanceId))
    throw new TypeError(
      '[mapbus] kafka options.instanceId: expected up to 100 letters, digits, dots, dashes, underscores',
    );
  const settings = {
    base: { ...connection, bootstrapBrokers: [...brokers] },
    topology,
    partitions,
    replicas,
    sessionTimeoutMs,
    commitIntervalMs,
    maxUncommitted,
    from,
    instanceId,
  };
  return { connect: (context) => connect(settings, context) };
};
