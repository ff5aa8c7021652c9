import { createActivity } from './activity.ts';
import { MAX_DELAY_MS } from './max-delay.ts';

/** Work that has not settled, and its index in its slot. */
interface Entry {
  index: number;
  readonly end: (error: Error) => void;
}

/** All work that began at about the same time. It shares a signal and a timer. */
interface Slot {
  readonly openedAt: number;
  readonly signal: AbortSignal;
  readonly timer: ReturnType<typeof setTimeout>;
  /**
   * An array, since a set that is always filled and emptied keeps what has passed through it until the next full garbage
   * collection: V8 links each of its tables to the one that takes its place.
   */
  readonly pending: Entry[];
}

/** How many slots a time limit is divided into. Work that is late is found at most one slot later. */
const SLOTS = 64;

const openSlot = (timeoutMs: number, late: () => Error): Slot => {
  const controller = new AbortController();
  const pending: Entry[] = [];
  const expire = () => {
    const error = late();
    controller.abort(error);
    for (const { end } of [...pending]) end(error);
  };
  const timer = setTimeout(expire, Math.min(timeoutMs + timeoutMs / SLOTS, MAX_DELAY_MS));
  return { openedAt: performance.now(), signal: controller.signal, timer, pending };
};

/** Removes an entry: the last one takes its place. Returns whether it was still there. */
const remove = (pending: Entry[], entry: Entry): boolean => {
  if (pending[entry.index] !== entry) return false;
  const last = pending.pop();
  if (last && last !== entry) {
    pending[entry.index] = last;
    last.index = entry.index;
  }
  return true;
};

/**
 * A time limit for work that is begun often. A signal and a timer for each piece of work would cost more than the work. So
 * all that begins at about the same time shares one of each. `Promise.race` against one shared promise would keep memory for
 * each piece of work until the shared promise settles.
 * @param late creates the error for work that is late
 * @param toError turns the error of the work into the error that the caller gets
 */
export const createDeadlines = (timeoutMs: number, late: () => Error, toError: (cause: unknown) => Error) => {
  const activity = createActivity();
  let current: Slot | undefined;

  const enter = (): Slot => {
    if (!current || performance.now() - current.openedAt > timeoutMs / SLOTS) current = openSlot(timeoutMs, late);
    return current;
  };
  const leave = (slot: Slot, entry: Entry): void => {
    if (!remove(slot.pending, entry)) return;
    activity.end();
    if (slot.pending.length > 0) return;
    clearTimeout(slot.timer);
    if (current === slot) current = undefined;
  };

  /** Settles as the work does, or rejects with the error of `late` when the time is over. */
  const inTime = <Result>(work: (signal: AbortSignal) => Promise<Result>): Promise<Result> =>
    new Promise((resolve, reject) => {
      const slot = enter();
      const end = (error: Error) => {
        leave(slot, entry);
        reject(error);
      };
      const fail = (cause: unknown) => end(toError(cause));
      const finish = (result: Result) => {
        leave(slot, entry);
        resolve(result);
      };
      const entry: Entry = { index: slot.pending.length, end };
      slot.pending.push(entry);
      activity.start();
      // Work may throw at once. It must leave the slot too.
      try {
        work(slot.signal).then(finish, fail);
      } catch (error) {
        fail(error);
      }
    });
  return { inTime, idle: activity.idle, running: activity.running };
};
