import { createError } from '../shared/errors.ts';
import { applyOptions, createResult, type Publication } from './event.ts';
import type { Reporter } from './parts.ts';
import type { EventBusError, PublishOptions, PublishResult } from './types.ts';

/** The result of an event that could not be published. */
export const refuse = ({ log }: Reporter, event: Publication, error: EventBusError): PublishResult => {
  log('error', 'event_publish_failed', { eventName: event.name, eventId: event.id, error });
  return Object.assign(createResult(event), { error });
};

export const wrongOption = (cause: unknown): EventBusError =>
  createError('invalid_options', 'Cannot publish: an option is wrong', cause);

/** Why an event cannot be published, whatever carries it. */
export const findFault = (
  event: Publication,
  isClosed: boolean,
  options: PublishOptions = {},
): EventBusError | undefined => {
  if (isClosed) return createError('closed', 'Cannot publish: the bus is closed');
  if (typeof event.name !== 'string')
    return createError('invalid_name', 'Cannot publish: the event name must be a string');
  try {
    applyOptions(event, options);
  } catch (cause) {
    return wrongOption(cause);
  }
  return undefined;
};
