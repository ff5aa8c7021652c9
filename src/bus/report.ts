import { describe, guard } from '../shared/errors.ts';
import type { Reporter } from './parts.ts';
import type { ReportOptions } from './types.ts';

// The last word is attempt or attempted: user.login.attempted, UserLoginAttempted, LOGIN_ATTEMPT.
const ATTEMPT = /(?:^|[^a-zA-Z])(?:attempt(?:ed)?|ATTEMPT(?:ED)?)$|Attempt(?:ed)?$/;
const isNoAttempt = (name: string) => !ATTEMPT.test(name);

export const createReporter = ({ logger, onFailure, logPublish = isNoAttempt }: ReportOptions): Reporter => {
  const log: Reporter['log'] = (level, message, fields) => guard(() => (logger ?? console)[level](message, fields));
  const handlerFailed: Reporter['handlerFailed'] = (event, payload, { handlerName, error }) => {
    const { name, id, occurredAt, metadata } = event;
    log('warn', 'event_handler_failed', { eventName: name, eventId: id, handlerName, ...describe(error), error });
    guard(() => onFailure?.({ name, payload, id, occurredAt, metadata }, { handlerName, error }));
  };
  const publishing: Reporter['publishing'] = (event, handlerCount) =>
    guard(() => {
      const { name } = event;
      if (logPublish(name)) log('debug', 'event_publishing', { eventName: name, eventId: event.id, handlerCount });
    });
  return { log, handlerFailed, publishing: logger && publishing };
};
