import { check, checkOneOf, type KnownOptions, readOptions } from '../shared/check.ts';
import type { ConsumeOptions } from './types.ts';

/** For queues, topics, groups and rows of every broker. No dots, so that `a.b` and `c` never meet `a` and `b.c`. */
const IDENTIFIER = /^[a-zA-Z0-9][a-zA-Z0-9_-]{0,99}$/;

/** @throws TypeError for a name that a broker could not use */
export const checkIdentifier = (what: string, name: unknown): void => {
  check(what, name, 'string');
  if (IDENTIFIER.test(String(name))) return;
  const expected = 'up to 100 letters, digits, dashes and underscores, a letter or digit first';
  throw new TypeError(`[mapbus] ${what}: expected ${expected}, got ${JSON.stringify(name)}`);
};

const KNOWN_CONSUME_OPTIONS: KnownOptions = {
  maxAttempts: 'positive integer',
  retryDelayMs: 'positive milliseconds',
  timeoutMs: 'positive milliseconds',
  concurrency: 'positive integer',
  order: 'string',
  formerly: 'string',
  expiresAfterMs: 'positive integer',
};

const DEFAULTS = {
  maxAttempts: 12,
  retryDelayMs: 1_000,
  timeoutMs: 60_000,
  concurrency: 10,
  order: undefined,
  formerly: undefined,
  expiresAfterMs: 31 * 24 * 60 * 60 * 1_000,
} as const;

/** The options of a consumer with their defaults. */
export type ConsumerSettings = {
  readonly [Option in keyof ConsumeOptions]-?: Option extends 'order' | 'formerly'
    ? ConsumeOptions[Option]
    : NonNullable<ConsumeOptions[Option]>;
};

/** @throws TypeError for a bad option */
export const checkConsumeOptions = (what: string, options: ConsumeOptions): void => {
  readOptions(what, options, KNOWN_CONSUME_OPTIONS);
  const { order, formerly } = options;
  if (order !== undefined) checkOneOf(`${what}.order`, order, ['key']);
  if (formerly !== undefined) checkIdentifier(`${what}.formerly`, formerly);
};

/** Defaults for all consumers. @throws TypeError for a bad option */
export const checkConsumerDefaults = (what: string, options: ConsumeOptions): void => {
  checkConsumeOptions(what, options);
  if (options.formerly !== undefined)
    throw new TypeError(`[mapbus] ${what}.formerly: expected in the options of one consumer, got it for all`);
};

const given = (options: object) =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));

export const consumerSettings = (defaults: ConsumeOptions, options: ConsumeOptions): ConsumerSettings => ({
  ...DEFAULTS,
  ...given(defaults),
  ...given(options),
});
