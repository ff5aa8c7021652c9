import { isObject } from '../shared/check.ts';

const CODE = 'non_retryable';

/**
 * An error for a consumer to throw when another attempt cannot help: the event becomes a dead letter at once.
 * @param reason what is wrong with the event, for whoever reads the dead letter
 * @example
 * if (!isKnownCurrency(order.currency)) throw nonRetryable(`unknown currency ${order.currency}`);
 */
export const nonRetryable = (reason: string, options: { readonly cause?: unknown } = {}): Error => {
  const error = new Error(reason, options.cause === undefined ? {} : { cause: options.cause });
  return Object.assign(error, { name: 'NonRetryableError', code: CODE });
};

/** Knows the errors of every copy of the package. */
export const isNonRetryable = (error: unknown): boolean => {
  try {
    return isObject(error) && 'code' in error && error.code === CODE;
  } catch {
    return false;
  }
};
