import type { HandlerFailure, ReportOptions } from '../types.ts';
import { isObject } from './check.ts';
import type { Publication } from './event.ts';

// The last word is attempt or attempted: user.login.attempted, UserLoginAttempted, LOGIN_ATTEMPT.
const ATTEMPT = /(?:^|[^a-zA-Z])(?:attempt(?:ed)?|ATTEMPT(?:ED)?)$|Attempt(?:ed)?$/;

// What is thrown may be anything, even a proxy that throws when touched.
export const describe = (error: unknown) => {
  try {
    const { name = typeof error, message = error } = Object(error);
    return { errorType: String(name), errorMessage: String(message) };
  } catch {
    return { errorType: typeof error, errorMessage: 'unreadable' };
  }
};

const complain = (error: unknown) =>
  guard(
    () => console.error('[mapbus] The logger or onFailure failed', error),
    // Whoever broke the console does not want to know.
    () => {},
  );

// A logger that throws or rejects must not reach the publisher, nor vanish.
const guard = (call: () => unknown, failed = complain): void => {
  try {
    const returned = call();
    if (isObject(returned)) Promise.resolve(returned).catch(failed);
  } catch (error) {
    failed(error);
  }
};

export type Reporter = ReturnType<typeof createReporter>;

export const createReporter = ({ logger, onFailure, logPublish }: ReportOptions) => {
  const isLogged = logPublish ?? ((name: string) => !ATTEMPT.test(name));

  const log = (level: 'debug' | 'warn' | 'error', message: string, fields: Record<string, unknown>): void =>
    guard(() => (logger ?? console)[level](message, fields));
  const handlerFailed = (event: Publication, payload: unknown, failure: HandlerFailure): void => {
    const { name, id, occurredAt, metadata } = event;
    const { handlerName, error } = failure;
    log('warn', 'event_handler_failed', { eventName: name, eventId: id, handlerName, ...describe(error), error });
    guard(() => onFailure?.({ name, payload, id, occurredAt, metadata }, { handlerName, error }));
  };
  const publishing = (event: Publication, handlerCount: number): void =>
    guard(() => {
      const { name } = event;
      if (isLogged(name)) log('debug', 'event_publishing', { eventName: name, eventId: event.id, handlerCount });
    });

  // Without a logger nobody reads the id of a publish, so none is made.
  return { log, handlerFailed, publishing: logger && publishing };
};
