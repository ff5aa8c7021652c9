import type { EventBusError, PublishOptions, PublishResult } from '../types.ts';
import { createError } from './check.ts';
import { applyOptions, createEvent, createResult, type Publication } from './event.ts';
import type { Reporter } from './report.ts';
import type { BusParts } from './transport.ts';

/** What a publish without handlers resolves with: nothing happened, so nothing is made. */
const NOTHING: PublishResult = Object.freeze({
  id: '',
  get occurredAt() {
    return new Date();
  },
  handlerCount: 0,
  failures: Object.freeze([]),
});
const NOTHING_HAPPENED = Promise.resolve(NOTHING);

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

export const createPublish =
  ({ registry, reporter, dispatch, signals }: Omit<BusParts, 'local'>, isClosed: () => boolean) =>
  (name: string, payload: unknown, options?: PublishOptions): Promise<PublishResult> => {
    const list = registry.list(name);
    const isPlain = options === undefined && typeof name === 'string' && !isClosed();
    if (isPlain && list.length === 0) return NOTHING_HAPPENED;
    const event = createEvent(name, signals);
    const fault = isPlain ? undefined : findFault(event, isClosed(), options);
    if (fault) return Promise.resolve(refuse(reporter, event, fault));
    if (list.length > 0) return dispatch(list, payload, event);
    return options?.id === undefined ? NOTHING_HAPPENED : Promise.resolve(createResult(event));
  };
