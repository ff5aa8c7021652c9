/** What began at about the same time. */
interface Slot {
  readonly openedAt: number;
  readonly signal: AbortSignal;
  /** Rejects when the time of all of them is over. */
  readonly expired: Promise<never>;
  readonly timer: ReturnType<typeof setTimeout>;
  pending: number;
}

/** How many slots there are in a time limit: what is late is found late by one of these parts at most. */
const SLOTS = 64;

const openSlot = (timeoutMs: number, late: () => Error): Slot => {
  const controller = new AbortController();
  let expire = (_: Error) => {};
  const expired = new Promise<never>((_, reject) => {
    expire = reject;
  });
  const timer = setTimeout(
    () => {
      const error = late();
      controller.abort(error);
      expire(error);
    },
    timeoutMs + timeoutMs / SLOTS,
  );
  return { openedAt: performance.now(), signal: controller.signal, expired, timer, pending: 0 };
};

/**
 * A time limit for work that is begun often. A signal and a timer of its own for each would cost more than the work does
 * here: those that begin at about the same time share one of each.
 */
export const createDeadlines = (timeoutMs: number, late: () => Error) => {
  let current: Slot | undefined;

  const enter = (): Slot => {
    if (!current || performance.now() - current.openedAt > timeoutMs / SLOTS) current = openSlot(timeoutMs, late);
    current.pending++;
    return current;
  };
  const leave = (slot: Slot) => {
    if (--slot.pending > 0) return;
    clearTimeout(slot.timer);
    if (current === slot) current = undefined;
  };

  /** Settles as the work does, or rejects with what `late` gives once the time is over. */
  return async (work: (signal: AbortSignal) => Promise<void>): Promise<void> => {
    const slot = enter();
    try {
      await Promise.race([work(slot.signal), slot.expired]);
    } finally {
      leave(slot);
    }
  };
};
