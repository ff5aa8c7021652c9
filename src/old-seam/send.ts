import type { EventBusError } from '../bus/types.ts';
import { isObject } from '../shared/check.ts';
import { createDeadlines } from '../shared/deadlines.ts';
import { createError, isEventBusError } from '../shared/errors.ts';
import type { Settings } from './options.ts';
import type { Message, Transport } from './port.ts';

type Outcome = NonNullable<EventBusError['outcome']>;

const withOutcome = (error: EventBusError, outcome: Outcome): EventBusError => Object.assign(error, { outcome });

const outcomeOf = (cause: unknown): Outcome =>
  isObject(cause) && 'outcome' in cause && cause.outcome === 'not-sent' ? 'not-sent' : 'unknown';

const toSendError = (cause: unknown): EventBusError => {
  if (isEventBusError(cause)) return cause;
  const error = createError('transport_unavailable', `The transport has not taken the event: ${cause}`, { cause });
  return withOutcome(error, outcomeOf(cause));
};

/** Sends within the time limit; rejects only with errors of the bus. */
export const createSend = (transport: Transport, { publishTimeoutMs, maxPendingPublishes }: Settings) => {
  const late = () => {
    const error = createError('publish_timeout', `The broker has not answered within ${publishTimeoutMs} ms`);
    return withOutcome(error, 'unknown');
  };
  const { inTime, idle, running } = createDeadlines(publishTimeoutMs, late, toSendError);

  /** For an event, bounded; what the bus itself sends while it acknowledges is bounded by the deliveries. */
  const send = (message: Message): Promise<void> => {
    if (message.kind !== 'event' || running() < maxPendingPublishes)
      return inTime((signal) => transport.send(message, signal));
    const full = `${maxPendingPublishes} publishes wait for the broker already`;
    return Promise.reject(withOutcome(createError('transport_unavailable', full), 'not-sent'));
  };
  return { send, idle };
};
