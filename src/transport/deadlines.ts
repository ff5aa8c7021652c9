/** What began at about the same time. */
interface Slot {
  readonly openedAt: number;
  readonly signal: AbortSignal;
  readonly timer: ReturnType<typeof setTimeout>;
  /** What ends each work that has not settled when the time of all of them is over. */
  readonly pending: Set<(error: Error) => void>;
}

/** How many slots there are in a time limit: what is late is found late by one of these parts at most. */
const SLOTS = 64;

const openSlot = (timeoutMs: number, late: () => Error): Slot => {
  const controller = new AbortController();
  const pending = new Set<(error: Error) => void>();
  const expire = () => {
    const error = late();
    controller.abort(error);
    for (const end of pending) end(error);
  };
  const timer = setTimeout(expire, timeoutMs + timeoutMs / SLOTS);
  return { openedAt: performance.now(), signal: controller.signal, timer, pending };
};

/**
 * A time limit for work that is begun often. A signal and a timer of its own for each would cost more than the work does
 * here: those that begin at about the same time share one of each. Not by a promise that all of them race against, which
 * would keep something of each until the last has settled.
 */
export const createDeadlines = (timeoutMs: number, late: () => Error) => {
  let current: Slot | undefined;

  const enter = (): Slot => {
    if (!current || performance.now() - current.openedAt > timeoutMs / SLOTS) current = openSlot(timeoutMs, late);
    return current;
  };
  const leave = (slot: Slot, end: (error: Error) => void) => {
    slot.pending.delete(end);
    if (slot.pending.size > 0) return;
    clearTimeout(slot.timer);
    if (current === slot) current = undefined;
  };

  /** Settles as the work does, or rejects with what `late` gives once the time is over. */
  return (work: (signal: AbortSignal) => Promise<void>): Promise<void> =>
    new Promise((resolve, reject) => {
      const slot = enter();
      slot.pending.add(reject);
      // Asynchronous, so that what throws at once leaves the slot too.
      const run = async () => {
        try {
          await work(slot.signal);
        } finally {
          leave(slot, reject);
        }
      };
      run().then(resolve, reject);
    });
};
