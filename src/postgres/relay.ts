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
  let isInTrouble = false;

  const failed = (fields: Record<string, unknown>): void => {
    // Once for each time of trouble, however many events wait.
    report(isInTrouble ? 'debug' : 'warn', 'event_relay_failed', fields);
    isInTrouble = true;
  };
  const late = (fields: Record<string, unknown>): void =>
    failed({ ...fields, error: new Error(`The transport has not answered within ${publishTimeoutMs} ms`) });

  const send = async ({ headers, body, key, attempt, signal }: Delivery): Promise<Outcome> => {
    const message = messageOf(headers, String(body), key);
    const fields = { eventName: message.name, eventId: message.id };
    // A late publish is not given up: the transport may be sending it just then, and the next try would send it twice.
    const timer = setTimeout(late, publishTimeoutMs, { ...fields, attempt }).unref();
    try {
      const sent = await inner.publish(message, { signal, session: undefined });
      isInTrouble = false;
      if (sent?.unrouted && !unrouted.has(message.name)) {
        unrouted.add(message.name);
        report('warn', 'event_unrouted', fields);
      }
      return DONE;
    } catch (cause) {
      const error = toError(cause);
      failed({ ...fields, attempt, error });
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
