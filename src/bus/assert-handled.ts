import { check } from '../shared/check.ts';
import { createError, describeError } from '../shared/errors.ts';
import type { EventBusError, PublishResult } from './types.ts';

/**
 * Throws if anything went wrong in a publish, for example to roll a transaction back when a handler fails.
 * @throws the `error` of the result; or an error with the code `handler_failed`, whose `cause` is what the first handler
 * threw and whose `errors` are what all of them threw
 * @example
 * assertHandled(await bus.publish('order.placed', order, { session: transaction }));
 */
export const assertHandled = (result: PublishResult): void => {
  check('result', result, 'object');
  const { failures, error } = result;
  if (error) throw error;
  // A promise has none: `await` was forgotten.
  check('result.failures', failures, 'array');
  const [first] = failures;
  if (!first) return;
  const reasons = failures.map((failure) => `${failure.handlerName}: ${describeError(failure.error).errorMessage}`);
  const message = `${failures.length === 1 ? '1 handler' : `${failures.length} handlers`} failed: ${reasons.join('; ')}`;
  throw Object.assign(createError('handler_failed', message, { cause: first.error }), {
    errors: failures.map((failure) => failure.error),
  }) satisfies EventBusError;
};
