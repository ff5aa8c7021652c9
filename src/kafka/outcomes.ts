import { randomUUID } from 'node:crypto';
import type { AttemptError, ConnectionContext } from '../transport/index.ts';
import { isTooLarge } from './errors.ts';
import type { CarriedOut, Dead, Job, Retry } from './intake.ts';
import type { Names } from './names.ts';
import { type NewRecord, toBuffer } from './records.ts';

export const ATTEMPT = 'mapbus-attempt';
export const NOT_BEFORE = 'mapbus-not-before';

type Headers = Readonly<Record<string, string>>;

/** Headers of a publisher do not steer the transport. */
export const withoutOwn = ({ [ATTEMPT]: _, [NOT_BEFORE]: __, ...headers }: Headers): Headers => headers;

/** The broker may give a retry to a process before it says that it has it. The original is to be committed by then. */
const MIN_WAIT_MS = 50;
const MAX_ATTEMPT = 1_000_000;

/** The attempt in a record of a retry topic of ours. */
export const attemptOf = ({ [ATTEMPT]: text }: Headers): number => {
  const attempt = Number(text);
  return Number.isInteger(attempt) && attempt > 0 && attempt <= MAX_ATTEMPT ? attempt : 1;
};

/** Milliseconds until a record of a retry topic of ours is due. Never longer than it can have been meant: clocks jump. */
export const waitOf = ({ [NOT_BEFORE]: text }: Headers, longestMs: number): number => {
  const waitMs = Number(text) - Date.now();
  return waitMs > 0 ? Math.min(waitMs, longestMs) : 0;
};

/** Cuts a text to so many bytes at most. */
const cut = (text: string, maxBytes: number): string => {
  const bytes = Buffer.from(text);
  return bytes.byteLength <= maxBytes
    ? text
    : new TextDecoder().decode(bytes.subarray(0, maxBytes)).replace(/\uFFFD+$/, '');
};

const keyField = (key: string | undefined) => (key === undefined ? {} : { key: Buffer.from(key) });

const retryRecord = (topic: string, { body, headers, key }: Job, attempt: number, afterMs: number): NewRecord => ({
  topic,
  value: toBuffer(body),
  headers: {
    ...withoutOwn(headers),
    [ATTEMPT]: String(attempt),
    [NOT_BEFORE]: String(Date.now() + Math.max(Math.ceil(afterMs), MIN_WAIT_MS)),
  },
  ...keyField(key),
});

interface Limits {
  readonly body: number;
  readonly text: number;
  readonly headers: boolean;
}

/** What cannot be kept in full is kept in part, so that it holds nothing up. */
const LIMITS: readonly Limits[] = [
  { body: Number.POSITIVE_INFINITY, text: 8_000, headers: true },
  { body: Number.POSITIVE_INFINITY, text: 500, headers: false },
  { body: 100_000, text: 500, headers: false },
  { body: 0, text: 100, headers: false },
];

const describe = ({ name, message }: AttemptError, maxBytes: number) => ({
  'error-name': cut(name, 200),
  'error-message': cut(message, maxBytes),
});

const deadRecord = (
  topic: string,
  consumer: string,
  { body, headers, key }: Job,
  { reason, attempt, error }: Dead,
  limits: Limits,
): NewRecord => ({
  topic,
  // Its name as a letter.
  key: Buffer.from(randomUUID()),
  value: toBuffer(body).subarray(0, limits.body),
  headers: {
    consumer,
    reason,
    attempt: String(attempt),
    'died-at': new Date().toISOString(),
    ...describe(error, limits.text),
    ...(body.byteLength > limits.body && { 'cut-from': String(body.byteLength) }),
    ...(limits.headers && { headers: JSON.stringify(withoutOwn(headers)) }),
    ...(limits.headers && key !== undefined && { key }),
  },
});

interface CarryOutParts {
  readonly names: Names;
  readonly consumer: string;
  /** Writes until it is written. Rejects when the record is too large, its partition is lost, or the connection is closed. */
  readonly produce: (record: NewRecord, signal: AbortSignal) => Promise<void>;
  readonly report: ConnectionContext['report'];
}

/** Carries outcomes out: what comes again and what is given up is written before the original is acknowledged. */
export const createCarryOut = ({ names, consumer, produce, report }: CarryOutParts) => {
  /** Those whose letter was refused, and told of. */
  const refused = new WeakSet<Job>();

  const writeRetry = async (job: Job, { attempt, afterMs }: Retry): Promise<CarriedOut> => {
    try {
      await produce(retryRecord(names.retryTopic(consumer), job, attempt, afterMs), job.position.lost.signal);
      return 'safe';
    } catch (error) {
      if (isTooLarge(error)) return 'wait';
      throw error;
    }
  };
  const writeLetter = async (job: Job, outcome: Dead): Promise<CarriedOut> => {
    let refusal: unknown;
    for (const limits of LIMITS) {
      try {
        await produce(deadRecord(names.deadTopic, consumer, job, outcome, limits), job.position.lost.signal);
        return 'safe';
      } catch (error) {
        if (!isTooLarge(error)) throw error;
        refusal = error;
      }
    }
    if (!refused.has(job)) report('warn', 'event_outcome_delayed', { consumer, outcome: 'dead', error: refusal });
    refused.add(job);
    return 'wait';
  };

  return (job: Job, outcome: Retry | Dead): Promise<CarriedOut> =>
    outcome.is === 'retry' ? writeRetry(job, outcome) : writeLetter(job, outcome);
};
