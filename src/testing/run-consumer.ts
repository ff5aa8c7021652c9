import { isNonRetryable } from '../service/non-retryable.ts';
import { serialize } from '../service/serialize.ts';
import type { ConsumerContext } from '../service/types.ts';
import { ABORT_SIGNAL, type KnownOptions, readOptions } from '../shared/check.ts';

/** What becomes of an attempt: `retry` for what a handler throws, `dead` for what it throws with `nonRetryable`. */
export type ConsumerRun =
  | { readonly outcome: 'done'; readonly error?: undefined }
  | { readonly outcome: 'retry' | 'dead'; readonly error: unknown };

/** What can be published so that a consumer gets this: itself, or what JSON makes it of. */
export type Sendable<Payload> =
  | Payload
  | { toJSON(key?: never): Payload }
  | (Payload extends object ? { [Key in keyof Payload]: Sendable<Payload[Key]> } : never);

const KNOWN_FIELDS: KnownOptions = {
  name: 'string',
  id: 'string',
  source: 'string',
  occurredAt: 'valid date',
  metadata: 'object of strings',
  key: 'string',
  attempt: 'positive integer',
  signal: ABORT_SIGNAL,
};

/**
 * The context of a consumer, for tests. Each field has a default: a first attempt, now, without metadata.
 * @throws TypeError for an unknown field, or one of a wrong type
 * @example
 * await sendMail({ to: 'ada@example.com' }, createConsumerContext({ attempt: 3 }));
 */
export const createConsumerContext = <Name extends string = string>(
  fields: Partial<ConsumerContext<Name>> = {},
): ConsumerContext<Name> => {
  const {
    name = 'event' as Name,
    id = crypto.randomUUID(),
    source = '/test',
    occurredAt = new Date(),
    metadata = {},
    key,
    attempt = 1,
    signal = new AbortController().signal,
  } = readOptions('context fields', fields, KNOWN_FIELDS);
  return Object.freeze({ name, id, source, occurredAt, metadata, key, attempt, signal });
};

/**
 * Runs the handler of a consumer alone: it gets what JSON makes of the payload, and a context. Never rejects for what the
 * handler does.
 * @param payload what a publisher would pass
 * @param fields of the context, where the defaults do not fit
 * @throws (rejects with) an error with the code `not_serializable` for a payload that JSON cannot carry
 * @example
 * const { outcome, error } = await runConsumer(chargeCard, { orderId: 'o-1', at: new Date() }, { attempt: 12 });
 * expect(outcome).toBe('done');
 */
export const runConsumer = async <Payload, Name extends string>(
  handler: (payload: Payload, context: ConsumerContext<Name>) => unknown,
  payload: NoInfer<Sendable<Payload>>,
  fields?: Partial<ConsumerContext<NoInfer<Name>>>,
): Promise<ConsumerRun> => {
  const json = serialize(payload);
  const context = createConsumerContext<Name>(fields);
  try {
    await handler(json === undefined ? undefined : JSON.parse(json), context);
    return { outcome: 'done' };
  } catch (error) {
    return { outcome: isNonRetryable(error) ? 'dead' : 'retry', error };
  }
};
