import { isObject } from '../shared/check.ts';
import { describeError } from '../shared/errors.ts';
import type { SafeCall } from '../shared/safe-call.ts';
import type { EventBusOptions, EventInfo, HandlerFailure, Logger, Observer } from './types.ts';

/** Writes one line to the logger and to the observers. Never throws. */
export type WriteLog = (level: keyof Logger, message: string, fields: Record<string, unknown>) => void;

// The last word is attempt or attempted: user.login.attempted, UserLoginAttempted, LOGIN_ATTEMPT.
const ATTEMPT = /(?:^|[^a-zA-Z])(?:attempt(?:ed)?|ATTEMPT(?:ED)?)$|Attempt(?:ed)?$/;
const isNoAttempt = (name: string) => !ATTEMPT.test(name);

/** Writes the log lines of one bus. */
export const createLog = (
  { logger, onFailure, logPublish = isNoAttempt }: EventBusOptions,
  observers: readonly Observer[],
  safeCall: SafeCall,
) => {
  const isObserved = observers.some((observer) => observer.log);

  const write: WriteLog = (level, message, fields) => {
    if (logger || level !== 'debug') safeCall('The logger', () => (logger ?? console)[level](message, fields));
    observers.forEach((observer, index) => {
      safeCall(`log of observer ${index}`, () => observer.log?.(level, message, { ...fields }));
    });
  };
  const failureFields = ({ name, id }: EventInfo, { handlerName, error }: HandlerFailure, more: object) => ({
    eventName: name,
    eventId: id,
    handlerName,
    ...more,
    ...describeError(error),
    error,
  });

  /** @param more further fields, for a consumer */
  const handlerFailed = (event: EventInfo, payload: unknown, failure: HandlerFailure, more: object = {}): void => {
    write('warn', 'event_handler_failed', failureFields(event, failure, more));
    if (!onFailure) return;
    const { name, id, occurredAt, metadata } = event;
    safeCall('onFailure', () => onFailure({ name, payload, id, occurredAt, metadata }, failure));
  };
  const handlerFailedLate = (event: EventInfo, failure: HandlerFailure, more: object = {}): void =>
    write('warn', 'event_handler_failed_late', failureFields(event, failure, more));
  const publishing = (event: EventInfo, handlerCount: number): void =>
    safeCall('logPublish', () => {
      const { name } = event;
      const isWanted: unknown = logPublish(name);
      // A promise counts as no. It is returned to `safeCall`, which reports it if it rejects.
      if (!isWanted || isObject(isWanted)) return isWanted;
      write('debug', 'event_publishing', { eventName: name, eventId: event.id, handlerCount });
      return undefined;
    });

  // `event_publishing` has the id, which takes time to generate. So it is left out if nobody gets debug lines.
  return {
    write,
    handlerFailed,
    handlerFailedLate,
    publishing: logger || isObserved ? publishing : undefined,
  };
};

export type Log = ReturnType<typeof createLog>;
