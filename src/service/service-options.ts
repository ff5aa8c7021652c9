import { check, type KnownOptions, readOptions } from '../shared/check.ts';
import type { Connection } from '../transport/index.ts';
import { checkConsumerDefaults, checkIdentifier } from './options.ts';
import type { ServiceBusOptions } from './types.ts';

const KNOWN_OPTIONS: KnownOptions = {
  service: 'string',
  transport: ['connect'],
  sends: 'anything',
  keys: 'object',
  namespace: 'string',
  source: 'string that is not empty',
  publishTimeoutMs: 'positive milliseconds',
  maxPendingPublishes: 'positive integer',
  maxEventBytes: 'positive integer',
  readyTimeoutMs: 'positive milliseconds',
  concurrency: 'positive integer',
  consumers: 'object',
  contextStorage: 'anything',
  logger: 'anything',
  onFailure: 'anything',
  logPublish: 'anything',
  metadata: 'anything',
  observers: 'anything',
};

/** @throws TypeError for a bad option */
export const checkServiceOptions = (options: ServiceBusOptions<Record<string, unknown>, unknown>): void => {
  const what = 'createServiceBus options';
  readOptions(what, options, KNOWN_OPTIONS);
  check(`${what}.transport`, options.transport, ['connect']);
  checkIdentifier(`${what}.service`, options.service);
  const { contextStorage } = options;
  if (contextStorage !== undefined && contextStorage !== false)
    check(`${what}.contextStorage`, contextStorage, ['run', 'getStore']);
  if (options.namespace !== undefined && options.namespace !== '')
    checkIdentifier(`${what}.namespace`, options.namespace);
  const sends: unknown = options.sends;
  if (sends !== 'all' && !(Array.isArray(sends) && sends.every((name) => typeof name === 'string' && name !== '')))
    throw new TypeError(
      `[mapbus] ${what}.sends: expected "all" or a list of event names, got ${JSON.stringify(sends)}`,
    );
  const names = Object.keys(options.keys ?? {});
  readOptions(`${what}.keys`, options.keys ?? {}, Object.fromEntries(names.map((name) => [name, 'function'] as const)));
  checkConsumerDefaults(`${what}.consumers`, options.consumers ?? {});
};

/** @throws TypeError for what a transport must not return */
export const checkConnection = (connection: Connection): void => {
  check('transport.connect()', connection, ['publish', 'declare', 'consume', 'health', 'close']);
  check('transport.connect().features', connection.features, 'object');
};
