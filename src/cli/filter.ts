import { DEAD_REASONS } from '../service/dead-reasons.ts';
import type { DeadLetter } from '../service/types.ts';
import { usageError } from './failure.ts';

/** Which dead letters are asked for. Those that fit all of it. */
export interface LetterFilter {
  readonly consumer: string | undefined;
  /** A name, or a pattern with `*`. */
  readonly event: string | undefined;
  readonly eventId: string | undefined;
  readonly reason: string | undefined;
  readonly olderThanMs: number | undefined;
  readonly newerThanMs: number | undefined;
}

/** What a dead letter can have died of: by the bus, or by RabbitMQ itself. */
export const REASONS = [...DEAD_REASONS, 'rejected', 'expired', 'maxlen'] as const;

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The milliseconds of `30s`, `15m`, `2h` or `7d`. */
export const readDuration = (option: string, text: string): number => {
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?)([smhd])$/.exec(text) ?? [];
  const ms = Number(number) * (UNITS[unit] ?? Number.NaN);
  if (number !== '' && Number.isFinite(ms)) return ms;
  throw usageError(`${option}: expected a time such as 30s, 15m, 2h or 7d, got ${JSON.stringify(text)}`);
};

export const readCount = (option: string, text: string): number => {
  const number = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(number) && number > 0) return number;
  throw usageError(`${option}: expected a number of 1 or more, got ${JSON.stringify(text)}`);
};

export const isPattern = (text: string): boolean => text.includes('*');

/** Whether a name fits a pattern, whose `*` stands for any characters. */
export const toMatcher = (patterns: readonly string[]): ((name: string) => boolean) => {
  const escaped = patterns.map((pattern) => pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*'));
  const expression = new RegExp(`^(?:${escaped.join('|')})$`, 's');
  return (name) => expression.test(name);
};

/** Whether a letter is asked for. What cannot be read has no name, and fits no name. */
export const toLetterMatcher = (filter: LetterFilter, now: number): ((letter: DeadLetter) => boolean) => {
  const { consumer, event, eventId, reason, olderThanMs, newerThanMs } = filter;
  const hasName = event === undefined ? undefined : toMatcher([event]);
  return (letter) => {
    const ageMs = now - letter.diedAt.getTime();
    if (consumer !== undefined && letter.consumer !== consumer) return false;
    if (hasName && !(letter.event && hasName(letter.event.name))) return false;
    if (eventId !== undefined && letter.event?.id !== eventId) return false;
    if (reason !== undefined && letter.reason !== reason) return false;
    if (olderThanMs !== undefined && ageMs < olderThanMs) return false;
    return newerThanMs === undefined || ageMs <= newerThanMs;
  };
};
