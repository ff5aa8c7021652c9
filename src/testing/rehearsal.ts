import { createMemoryHub } from '../service/memory-hub.ts';
import { type KnownOptions, readOptions } from '../shared/check.ts';
import type { Transport } from '../transport/index.ts';

/** How bad the day is. */
export interface RehearsalOptions {
  /** The same seed gives the same day, as far as the order of publishes is the same. @default a random one */
  readonly seed?: number | undefined;
  /** Milliseconds that an event is on its way, at most. @default 10 */
  readonly maxDelayMs?: number | undefined;
  /** The share of events that come twice. @default 0.1 */
  readonly duplicates?: number | undefined;
  /** The share of publishes that fail. Half of those events were taken all the same. @default 0 */
  readonly publishFailures?: number | undefined;
  /** The share of deliveries whose process dies before their outcome is known. The event comes again. @default 0 */
  readonly deaths?: number | undefined;
}

/** A rehearsal, and the seed to repeat it with. */
export interface Rehearsal extends Transport {
  readonly seed: number;
}

const KNOWN_OPTIONS: KnownOptions = {
  seed: 'number',
  maxDelayMs: 'milliseconds',
  duplicates: 'number from 0 to 1',
  publishFailures: 'number from 0 to 1',
  deaths: 'number from 0 to 1',
};

// mulberry32, in the public domain: a seed of 32 bits is enough to repeat a failure.
const createRandom = (seed: number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

/**
 * `memory()` on a bad day: events are late, overtaken and doubled, publishes fail, processes die in a handler, and their
 * events move to another process. It never loses what a broker keeps. A program that works over it is ready for a broker.
 * @throws TypeError for a bad option
 * @example
 * const bus = createServiceBus<AppEvents>({ service: 'shop', transport: rehearsal({ seed: 42 }), sends: 'all' });
 */
export const rehearsal = (options: RehearsalOptions = {}): Rehearsal => {
  readOptions('rehearsal options', options, KNOWN_OPTIONS);
  const { seed = Math.floor(Math.random() * 2 ** 32), maxDelayMs = 10 } = options;
  const { duplicates = 0.1, publishFailures = 0, deaths = 0 } = options;
  const random = createRandom(seed);
  const publishFault = () => {
    if (random() >= publishFailures) return undefined;
    const isTaken = random() < 0.5;
    const error = new Error('The rehearsed broker has not answered');
    return { error: isTaken ? error : Object.assign(error, { outcome: 'not-sent' }), isTaken };
  };
  const hub = createMemoryHub(1_000, {
    random,
    delayMs: () => random() * maxDelayMs,
    isDuplicated: () => random() < duplicates,
    publishFault,
    deathAfterMs: () => (random() < deaths ? random() * maxDelayMs : undefined),
  });
  return { ...hub, seed };
};
