import { Buffer } from 'node:buffer';
import type { AsyncMessage, Envelope, SyncMessage } from 'rabbitmq-client';
import type { AttemptError, Outcome } from '../transport/index.ts';
import { encodingOf } from './keep-bytes.ts';

/** A message as it came from a queue. */
export type Received = AsyncMessage | SyncMessage;

export const HEADERS = {
  key: 'mapbus-key',
  attempt: 'mapbus-attempt',
  consumer: 'mapbus-consumer',
  reason: 'mapbus-reason',
  errorName: 'mapbus-error-name',
  errorMessage: 'mapbus-error-message',
  diedAt: 'mapbus-died-at',
  letter: 'mapbus-letter',
} as const;

export const CONTENT_TYPE = 'application/cloudevents+json';

const MAX_ATTEMPT = 10_000;
const MAX_ERROR_NAME_BYTES = 255;
const MAX_ERROR_MESSAGE_BYTES = 8_192;
const MAX_CUT_BODY_BYTES = 65_536;

/** The broker writes these. On 3.10 a copy of `x-death` makes it take a message for one that goes round in a circle. */
const OWN_OR_OF_THE_BROKER = /^(mapbus-|x-(death|first-death-|last-death-|delivery-count|acquired-count|opt-))/;

/** The headers of a publisher, without those that steer this transport or the broker. */
export const foreignHeaders = (headers: Readonly<Record<string, unknown>> = {}): Record<string, string> => {
  const kept: Record<string, string> = {};
  for (const name in headers) {
    const value = headers[name];
    if (typeof value === 'string' && !OWN_OR_OF_THE_BROKER.test(name)) kept[name] = value;
  }
  return kept;
};

/** Cuts a text, and no character in two. */
const cutText = (text: string, maxBytes: number): string => {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  let end = maxBytes;
  // Bytes that continue a character begin with the bits 10.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
};

export const bodyOf = ({ body }: Pick<Received, 'body'>): Buffer => {
  if (Buffer.isBuffer(body)) return body;
  // Only if the client has parsed it all the same.
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
};

export const textHeader = ({ headers }: Pick<Received, 'headers'>, name: string): string | undefined => {
  const value: unknown = headers?.[name];
  return typeof value === 'string' ? value : undefined;
};

export const keyOf = (message: Received): string | undefined => textHeader(message, HEADERS.key);

/** The attempt of a message. Only what came from a retry queue or from a redrive has one, within bounds. */
export const attemptOf = (message: Received, queue: string): number => {
  if (message.exchange !== '' || message.routingKey !== queue) return 1;
  const attempt = Number(message.headers?.[HEADERS.attempt]);
  return Number.isInteger(attempt) && attempt >= 1 && attempt <= MAX_ATTEMPT ? attempt : 1;
};

/** How often a message was delivered, this time included. Each queue counts by itself. */
export const deliveriesOf = ({ headers, redelivered }: Received): number => {
  const count = Number(headers?.['x-delivery-count'] ?? 0);
  return Number.isInteger(count) && count > 0 ? count + 1 : redelivered ? 2 : 1;
};

const copyOf = (message: Received, headers: Record<string, string | number>): Envelope => {
  const { messageId, contentType } = message;
  const contentEncoding = encodingOf(message.contentEncoding);
  return {
    exchange: '',
    durable: true,
    mandatory: true,
    ...(messageId !== undefined && { messageId }),
    ...(contentType !== undefined && { contentType }),
    ...(contentEncoding !== undefined && { contentEncoding }),
    headers,
  };
};

const keyHeader = (message: Received) => {
  const key = keyOf(message);
  return key === undefined ? {} : { [HEADERS.key]: key };
};

type Retry = Extract<Outcome, { readonly is: 'retry' }>;
type Dead = Extract<Outcome, { readonly is: 'dead' }>;

/** A message to be sent. */
export interface Letter {
  readonly envelope: Envelope;
  readonly body: Buffer;
}

/** A retry must not be handled before its original is acknowledged: the two go over different connections. */
const MIN_WAIT_MS = 50;

/** The copies of a message that wait for its next attempt: in full, and with as little as possible. */
export const retryLetters = (message: Received, { attempt, afterMs }: Retry, queue: string): Letter[] => {
  const own = { ...keyHeader(message), [HEADERS.attempt]: attempt };
  const expiration = String(Math.max(MIN_WAIT_MS, Math.ceil(afterMs)));
  return [{ ...foreignHeaders(message.headers), ...own }, own].map((headers) => ({
    envelope: { ...copyOf(message, headers), routingKey: queue, expiration },
    body: bodyOf(message),
  }));
};

const errorHeaders = ({ name, message }: AttemptError) => ({
  [HEADERS.errorName]: cutText(name, MAX_ERROR_NAME_BYTES),
  [HEADERS.errorMessage]: cutText(message, MAX_ERROR_MESSAGE_BYTES),
});

/** The dead letters of a message: in full, without what its publisher added, and with a part of its body. */
export const deadLetters = (message: Received, outcome: Dead, consumer: string, queue: string): Letter[] => {
  const own = {
    [HEADERS.consumer]: consumer,
    [HEADERS.reason]: cutText(outcome.reason, MAX_ERROR_NAME_BYTES),
    [HEADERS.attempt]: outcome.attempt,
    ...errorHeaders(outcome.error),
    [HEADERS.diedAt]: new Date().toISOString(),
    [HEADERS.letter]: crypto.randomUUID(),
  };
  const body = bodyOf(message);
  const full = { ...foreignHeaders(message.headers), ...keyHeader(message), ...own };
  return [
    { envelope: { ...copyOf(message, full), routingKey: queue }, body },
    { envelope: { ...copyOf(message, own), routingKey: queue }, body },
    { envelope: { ...copyOf(message, own), routingKey: queue }, body: body.subarray(0, MAX_CUT_BODY_BYTES) },
  ];
};

/** A dead letter once more, with these headers of its own. */
export const storedAgain = (message: Received, queue: string, own: Record<string, string | number>): Letter => ({
  envelope: {
    ...copyOf(message, { ...foreignHeaders(message.headers), ...keyHeader(message), ...own }),
    routingKey: queue,
  },
  body: bodyOf(message),
});

/** A dead letter as a first attempt of its consumer. */
export const redriven = (message: Received, queue: string): Letter => storedAgain(message, queue, {});

/** What the broker says of a message that it moved by itself. */
export const deathOf = (message: Received): { queue: string; reason: string; at: Date } | undefined => {
  const deaths: unknown = message.headers?.['x-death'];
  const last: unknown = Array.isArray(deaths) ? deaths[0] : undefined;
  if (typeof last !== 'object' || last === null) return undefined;
  const { queue, reason, time }: { queue?: unknown; reason?: unknown; time?: unknown } = last;
  return { queue: String(queue), reason: String(reason), at: new Date(Number(time) * 1_000) };
};
