import type { EventBusError } from '../bus/types.ts';
import type { Activity } from '../shared/activity.ts';
import { isObject } from '../shared/check.ts';
import { createDeadlines } from '../shared/deadlines.ts';
import { createError, describeError } from '../shared/errors.ts';
import type { Connection, Message } from '../transport/index.ts';

type Outcome = NonNullable<EventBusError['outcome']>;
type ErrorCode = 'transport_unavailable' | 'publish_timeout';

const sendError = (code: ErrorCode, message: string, outcome: Outcome, cause?: unknown): EventBusError =>
  Object.assign(createError(code, message, { cause }), { outcome });

const toSendError = (cause: unknown): EventBusError => {
  const isNotSent = isObject(cause) && 'outcome' in cause && cause.outcome === 'not-sent';
  const text = `The transport has not taken the event: ${describeError(cause).errorMessage}`;
  return sendError('transport_unavailable', text, isNotSent ? 'not-sent' : 'unknown', cause);
};

/** What became of a message. */
export interface Sent {
  readonly error?: EventBusError;
  /** No consumer anywhere gets the event. */
  readonly unrouted?: boolean;
}

interface Limits {
  readonly publishTimeoutMs: number;
  readonly maxPendingPublishes: number;
}

/** Resolves with what `ended` makes of the outcome. Never rejects. */
export type Send = <Result>(
  message: Message,
  session: unknown,
  ended: (sent: Sent) => Result | Promise<Result>,
) => Promise<Result>;

/** Gives messages to the transport, within limits of time and number. */
export const createSend = (
  connection: Connection,
  activity: Activity,
  { publishTimeoutMs, maxPendingPublishes }: Limits,
) => {
  const late = () =>
    sendError('publish_timeout', `The transport has not answered within ${publishTimeoutMs} ms`, 'unknown');
  /** Milliseconds since 1970. */
  let lastConfirmAt: number | undefined;
  const { inTime, running } = createDeadlines(publishTimeoutMs, late, toSendError);

  const send: Send = (message, session, ended) => {
    activity.start();
    const end = (sent: Sent | undefined) => {
      activity.end();
      if (!sent?.error) lastConfirmAt = Date.now();
      // A transport in JavaScript may resolve with nothing.
      return ended(sent ?? {});
    };
    // On Node 20 promises are slow while an AsyncLocalStorage is enabled: a publish creates as few as it can.
    return inTime((signal) => connection.publish(message, { signal, session })).then(end, (error: EventBusError) =>
      end({ error }),
    );
  };

  /** Why no more can be sent now. */
  const refusal = (): EventBusError | undefined => {
    if (running() < maxPendingPublishes) return undefined;
    const text = `Cannot publish: ${maxPendingPublishes} publishes wait for the transport already`;
    return sendError('transport_unavailable', text, 'not-sent');
  };
  return { send, refusal, lastConfirmAt: () => lastConfirmAt };
};
