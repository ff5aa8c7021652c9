import type { ConnectionContext } from '../transport/index.ts';
import type { Database } from './database.ts';

/** Publishes of so many milliseconds lead to one hint. */
const HINT_MS = 10;

/** After a hint a process looks again, since a transaction may commit later than its hint comes. */
const LOOK_AGAIN_MS = [0, 20, 60, 140, 300];

/** Those that wait for events, by their database, so that one process needs no notification. */
const inProcess = new WeakMap<object, Set<() => void>>();

const ofDatabase = (database: object): Set<() => void> => {
  const all = inProcess.get(database) ?? new Set();
  inProcess.set(database, all);
  return all;
};

/** Tells what waits in this process that a transaction has committed. */
export const tellCommitted = (database: object): void => {
  for (const wake of inProcess.get(database) ?? []) wake();
};

interface HintParts<Session> {
  readonly database: Database<Session>;
  readonly channel: string;
  readonly report: ConnectionContext['report'];
}

/**
 * Hints that there may be new events. They are notifications on a connection of our own: in the transaction of a user they
 * would make all commits wait for each other. A hint may be lost. What waits for one also looks from time to time.
 */
export const createHints = <Session>({ database, channel, report }: HintParts<Session>) => {
  const listeners = new Set<() => void>();
  const timers = new Set<ReturnType<typeof setTimeout>>();
  let sending: ReturnType<typeof setTimeout> | undefined;
  let unlisten: Promise<() => Promise<void>> | undefined;
  let isClosed = false;

  const wake = (): void => {
    for (const listener of listeners) listener();
  };
  const wakeAfter = (delayMs: number): void => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      wake();
    }, delayMs);
    timers.add(timer);
  };
  const lookAgain = (): void => {
    if (isClosed || listeners.size === 0 || timers.size > 0) {
      wake();
      return;
    }
    for (const delayMs of LOOK_AGAIN_MS) wakeAfter(delayMs);
  };
  const send = async (): Promise<void> => {
    sending = undefined;
    try {
      await database.query('SELECT pg_notify($1::text, $2::text)::text AS told', [channel, '']);
    } catch (error) {
      report('debug', 'event_transport_trouble', { error });
    }
  };
  /** Tells other processes. */
  const tellOthers = (): void => {
    if (!isClosed) sending ??= setTimeout(send, HINT_MS);
  };
  /** Tells all processes of an event; its transaction may commit later. */
  const published = (isCommitted: boolean): void => {
    for (const look of ofDatabase(database)) look();
    if (!isCommitted) lookAgain();
    tellOthers();
  };
  /** @returns what ends it */
  const listen = (listener: () => void): (() => void) => {
    listeners.add(listener);
    ofDatabase(database).add(listener);
    if (!unlisten && database.listen) {
      unlisten = database.listen(channel, lookAgain);
      unlisten.catch((error) => {
        unlisten = undefined;
        report('debug', 'event_transport_trouble', { error });
      });
    }
    return () => {
      listeners.delete(listener);
      ofDatabase(database).delete(listener);
    };
  };
  const close = async (): Promise<void> => {
    isClosed = true;
    clearTimeout(sending);
    if (sending) await send();
    for (const timer of timers) clearTimeout(timer);
    timers.clear();
    const end = await unlisten?.catch(() => undefined);
    await end?.();
  };
  return { published, listen, close };
};

export type Hints = ReturnType<typeof createHints>;
