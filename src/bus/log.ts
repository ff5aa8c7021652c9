import { isObject } from '../shared/check.ts';
import { describeError } from '../shared/errors.ts';
import type { SafeCall } from '../shared/safe-call.ts';
import type { Publication } from './publication.ts';
import type { EventBusOptions, HandlerFailure, Logger, Observer } from './types.ts';

/** Writes one line to the logger and to the observers. Never throws. */
export type WriteLog = (level: keyof Logger, message: string, fields: Record<string, unknown>) => void;

// The last word is attempt or attempted: user.login.attempted, UserLoginAttempted, LOGIN_ATTEMPT.
const ATTEMPT = /(?:^|[^a-zA-Z])(?:attempt(?:ed)?|ATTEMPT(?:ED)?)$|Attempt(?:ed)?$/;
const isNoAttempt = (name: string) => !ATTEMPT.test(name);

/** The log of one bus: what is written, when, and with which fields. */
export const createLog = (
  { logger, onFailure, logPublish = isNoAttempt }: EventBusOptions,
  observers: readonly Observer[],
  safeCall: SafeCall,
) => {
  const watchers = observers.filter((observer) => observer.log);

  const write: WriteLog = (level, message, fields) => {
    if (logger || level !== 'debug') safeCall('The logger', () => (logger ?? console)[level](message, fields));
    watchers.forEach((observer, index) => {
      safeCall(`log of observer ${index}`, () => observer.log?.(level, message, { ...fields }));
    });
  };
  const failureFields = ({ name, id }: Publication, { handlerName, error }: HandlerFailure) => ({
    eventName: name,
    eventId: id,
    handlerName,
    ...describeError(error),
    error,
  });

  const handlerFailed = (publication: Publication, payload: unknown, failure: HandlerFailure): void => {
    write('warn', 'event_handler_failed', failureFields(publication, failure));
    if (!onFailure) return;
    const { name, id, occurredAt, metadata } = publication;
    safeCall('onFailure', () => onFailure({ name, payload, id, occurredAt, metadata }, failure));
  };
  const handlerFailedLate = (publication: Publication, failure: HandlerFailure): void =>
    write('warn', 'event_handler_failed_late', failureFields(publication, failure));
  const publishing = (publication: Publication, handlerCount: number): void =>
    safeCall('logPublish', () => {
      const { name } = publication;
      const isWanted: unknown = logPublish(name);
      // A promise is no answer. If it rejects, that is reported.
      if (!isWanted || isObject(isWanted)) return isWanted;
      write('debug', 'event_publishing', { eventName: name, eventId: publication.id, handlerCount });
      return undefined;
    });

  // Without a reader of debug lines, the id of a publish is not generated for one.
  return {
    write,
    handlerFailed,
    handlerFailedLate,
    publishing: logger || watchers.length > 0 ? publishing : undefined,
  };
};

export type Log = ReturnType<typeof createLog>;
