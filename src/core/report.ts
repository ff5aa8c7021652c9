import type { EventBusError, HandlerFailure, ReportOptions } from '../types.ts';
import { isObject } from './check.ts';
import type { Publication } from './context.ts';

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

const complain = (error: unknown) => {
  try {
    console.error('[mapbus] The logger or onFailure failed', error);
  } catch {
    // Whoever broke the console does not want to know.
  }
};

// A logger that throws or rejects must not reach the publisher, nor vanish.
const guard = (call: () => unknown) => {
  try {
    const returned = call();
    if (isObject(returned)) Promise.resolve(returned).catch(complain);
  } catch (error) {
    complain(error);
  }
};

export type Reporter = ReturnType<typeof createReporter>;

export const createReporter = ({ logger, onFailure, logPublish }: ReportOptions) => {
  const log = logger ?? console;
  const isLogged = logPublish ?? ((name: string) => !ATTEMPT.test(name));

  return {
    publishing: (event: Publication, handlerCount: number): void => {
      // Without a logger nobody reads the id, so none is made.
      if (!logger) return;
      const write = () => logger.debug('event_publishing', { eventName: event.name, eventId: event.id, handlerCount });
      guard(() => isLogged(event.name) && write());
    },
    handlerFailed: (handlerName: string, error: unknown, payload: unknown, event: Publication): HandlerFailure => {
      const { name, id, occurredAt, metadata } = event;
      const fields = { eventName: name, eventId: id, handlerName, ...describe(error), error };
      guard(() => log.warn('event_handler_failed', fields));
      guard(() => onFailure?.({ name, payload, id, occurredAt, metadata }, { handlerName, error }));
      return { handlerName, error };
    },
    publishFailed: ({ name, id }: Publication, error: EventBusError): void =>
      guard(() => log.error('event_publish_failed', { eventName: name, eventId: id, error })),
    log: (level: 'warn' | 'error', message: string, fields: Record<string, unknown>): void =>
      guard(() => log[level](message, fields)),
    drainTimedOut: (inFlight: number): void => guard(() => log.warn('event_bus_drain_timed_out', { inFlight })),
  };
};
