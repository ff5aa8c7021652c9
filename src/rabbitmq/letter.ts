import { createHash } from 'node:crypto';
import type { StoredDeadLetter } from '../transport/index.ts';
import { bodyOf, deathOf, HEADERS, type Letter, type Received, storedAgain, textHeader } from './message.ts';
import type { Names } from './names.ts';

/** A name for a letter that the broker has written: the same as long as the letter is there. */
const digestOf = (message: Received, at: Date): string =>
  createHash('sha256')
    .update(JSON.stringify([message.messageId, at.getTime(), deathOf(message)?.queue]))
    .update(bodyOf(message))
    .digest('hex')
    .slice(0, 32);

/** Whether a letter has a name of its own, which only this transport gives. */
export const hasOwnName = (message: Received): boolean => textHeader(message, HEADERS.letter) !== undefined;

/** What a dead letter tells, of those that this transport has written and of those by the broker. */
export const toLetter = (message: Received, names: Names): StoredDeadLetter => {
  const death = deathOf(message);
  const own = textHeader(message, HEADERS.letter);
  const diedAt = own === undefined ? (death?.at ?? new Date(0)) : new Date(textHeader(message, HEADERS.diedAt) ?? 0);
  const consumer = textHeader(message, HEADERS.consumer) ?? names.consumerOf(death?.queue ?? '') ?? '';
  const reason = textHeader(message, HEADERS.reason) ?? death?.reason ?? 'unknown';
  return {
    ref: own ?? digestOf(message, diedAt),
    consumer,
    reason,
    attempt: Number(message.headers?.[HEADERS.attempt] ?? 1),
    error: {
      name: textHeader(message, HEADERS.errorName) ?? 'Error',
      message: textHeader(message, HEADERS.errorMessage) ?? `RabbitMQ gave it up: ${reason}`,
    },
    diedAt: Number.isNaN(diedAt.getTime()) ? new Date(0) : diedAt,
    body: bodyOf(message),
  };
};

/** The same letter once more, whose deliveries count from the start. It keeps its name. */
export const copyOfLetter = (
  message: Received,
  { ref, consumer, reason, attempt, error, diedAt }: StoredDeadLetter,
  queue: string,
): Letter =>
  storedAgain(message, queue, {
    [HEADERS.consumer]: consumer,
    [HEADERS.reason]: reason,
    [HEADERS.attempt]: attempt,
    [HEADERS.errorName]: error.name,
    [HEADERS.errorMessage]: error.message,
    [HEADERS.diedAt]: diedAt.toISOString(),
    [HEADERS.letter]: ref,
  });
