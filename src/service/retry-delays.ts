import type { ConsumerSettings } from './options.ts';

const MAX_RETRY_DELAY_MS = 120_000;

/** After how long an event that cannot be handled here comes again, in whichever process has room then. */
export const ELSEWHERE_AFTER_MS = 1_000;

type Settings = Pick<ConsumerSettings, 'retryDelayMs' | 'maxAttempts'>;

/** Doubles with each attempt, up to two minutes or to the first delay, if that is longer. */
const longestDelay = ({ retryDelayMs }: Settings, attempt: number): number =>
  Math.min(retryDelayMs * 2 ** (attempt - 1), Math.max(retryDelayMs, MAX_RETRY_DELAY_MS));

/** Up to a quarter shorter at random, so that what failed together does not return together. */
export const retryDelay = (settings: Settings, attempt: number): number =>
  longestDelay(settings, attempt) * (1 - Math.random() / 4);

/** The longest delays that the retries of a consumer can have, each once, the shortest first. */
export const retryDelays = (settings: Settings, maxDelayMs: number): number[] => {
  const delays = new Set([ELSEWHERE_AFTER_MS]);
  for (let attempt = 1; attempt < settings.maxAttempts; attempt++) {
    const delayMs = Math.min(longestDelay(settings, attempt), maxDelayMs);
    if (attempt > 1 && longestDelay(settings, attempt - 1) >= delayMs) break;
    delays.add(delayMs);
  }
  return [...delays].sort((a, b) => a - b);
};
