import { readOptions } from '../shared/check.ts';
import type { Transport } from '../transport/index.ts';
import { createMemoryHub } from './memory-hub.ts';
import type { MemoryBehaviour } from './memory-queue.ts';

/** How much an in-memory transport keeps. */
export interface MemoryOptions {
  /** How many dead letters a service keeps. The oldest makes room for the next, and is logged as lost. @default 1_000 */
  readonly maxDeadLetters?: number | undefined;
}

const KEEPS_ALL: MemoryBehaviour = {
  delayMs: () => 0,
  isDuplicated: () => false,
  publishFault: () => undefined,
  deathAfterMs: () => undefined,
  random: Math.random,
};

/**
 * A transport in the memory of this process. It keeps every promise of `consume` that needs no disk: JSON in between, a
 * later turn, retries with back-off, dead letters, order by key, `tail`. Buses that are given the same `memory()` reach
 * each other.
 * @throws TypeError for a bad option
 * @example
 * const bus = createServiceBus<AppEvents>({ service: 'shop', transport: memory(), sends: 'all' });
 */
export const memory = (options: MemoryOptions = {}): Transport => {
  readOptions('memory options', options, { maxDeadLetters: 'positive integer' });
  return createMemoryHub(options.maxDeadLetters ?? 1_000, KEEPS_ALL);
};
