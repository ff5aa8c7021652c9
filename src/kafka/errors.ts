/** The codes of an error and of what has caused it, in one text. */
const codesOf = (error: unknown): string => {
  if (!(error instanceof Error)) return '';
  const code: unknown = Reflect.get(error, 'code');
  const apiId: unknown = Reflect.get(error, 'apiId');
  const errors: unknown = Reflect.get(error, 'errors');
  const causes = [...(Array.isArray(errors) ? errors : []), error.cause];
  return [code, apiId, error.message, ...causes.map(codesOf)].join(' ');
};

/** Whether an error, or what has caused it, is one of these. */
export const isOneOf = (error: unknown, codes: RegExp): boolean => codes.test(codesOf(error));

/** About one message, and nothing will change it. */
export const isTooLarge = (error: unknown): boolean => isOneOf(error, /TOO_LARGE/);

/** What the broker does not allow, or does not know. Trying again changes nothing. */
export const isRefusal = (error: unknown): boolean =>
  isOneOf(
    error,
    /AUTHENTICATION|AUTHORIZATION_FAILED|INVALID_TOPIC_EXCEPTION|INVALID_RECORD|POLICY_VIOLATION|TOO_LARGE|TOPIC_MISSING/,
  );

export const isUnknownTopic = (error: unknown): boolean => isOneOf(error, /Unknown topic|UNKNOWN_TOPIC/);

export const isTimeout = (error: unknown): boolean => isOneOf(error, /timed out/);

/** A new cluster has no coordinator yet, and one that was just started is still reading its groups. */
export const isNotReady = (error: unknown): boolean =>
  isOneOf(error, /COORDINATOR|NOT_CONTROLLER|LEADER_NOT_AVAILABLE|NOT_LEADER/);

/** The broker has seen a newer epoch of the producer, or does not know it. */
export const isFencedProducer = (error: unknown): boolean =>
  isOneOf(error, /INVALID_PRODUCER_EPOCH|UNKNOWN_PRODUCER_ID|OUT_OF_ORDER_SEQUENCE_NUMBER/);
