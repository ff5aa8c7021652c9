import { createActivity } from '../shared/activity.ts';
import type { Connection, ConnectionContext, Deliver, Delivery, Outcome } from '../transport/index.ts';
import { messageOf } from './outbox-statement.ts';

const DONE: Outcome = { is: 'done' };

/** How long an event waits after its transport has not taken it, at the most. */
const MAX_WAIT_MS = 10_000;
const FIRST_WAIT_MS = 100;

const waitMs = (attempt: number) => Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(attempt, 10));

const toError = (cause: unknown): Error => (cause instanceof Error ? cause : new Error(String(cause)));

/** Gives the events of an outbox to another transport. Each waits until that has taken it, however long that is. */
export const createRelay = (
  inner: Connection,
  { publishTimeoutMs, report }: Pick<ConnectionContext, 'publishTimeoutMs' | 'report'>,
) => {
  const activity = createActivity();
  const unrouted = new Set<string>();
  /** The names of which an event waits because of a failure. */
  const inTrouble = new Set<string>();

  const failed = (eventName: string, fields: Record<string, unknown>): void => {
    // Once for each time of trouble, however many events wait.
    report(inTrouble.has(eventName) ? 'debug' : 'warn', 'event_relay_failed', { eventName, ...fields });
    inTrouble.add(eventName);
  };

  const send = async ({ headers, body, key, attempt, signal }: Delivery): Promise<Outcome> => {
    const message = messageOf(headers, String(body), key);
    const { name: eventName, id: eventId } = message;
    // A late publish is not given up: the transport may be sending it just then, and the next try would send it twice.
    const late = () => {
      const error = new Error(`The transport has not answered within ${publishTimeoutMs} ms`);
      failed(eventName, { eventId, attempt, error });
    };
    const timer = setTimeout(late, publishTimeoutMs).unref();
    try {
      const sent = await inner.publish(message, { signal, session: undefined });
      inTrouble.delete(eventName);
      if (sent?.unrouted && !unrouted.has(eventName)) {
        unrouted.add(eventName);
        report('warn', 'event_unrouted', { eventName, eventId });
      }
      return DONE;
    } catch (cause) {
      const error = toError(cause);
      // An event that was withdrawn has not failed: another process has it.
      if (!signal.aborted) failed(eventName, { eventId, attempt, error });
      const { name, message } = error;
      return { is: 'retry', attempt: attempt + 1, afterMs: waitMs(attempt), error: { name, message } };
    } finally {
      clearTimeout(timer);
    }
  };
  const deliver: Deliver = async (delivery) => {
    activity.start();
    try {
      return await send(delivery);
    } finally {
      activity.end();
    }
  };
  return { deliver, idle: activity.idle };
};
