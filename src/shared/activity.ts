/** Counts what runs, and tells when nothing runs any more. */
export const createActivity = () => {
  let running = 0;
  let waiting: (() => void)[] = [];

  const start = () => {
    running++;
  };
  const end = () => {
    if (--running > 0) return;
    for (const wake of waiting) wake();
    waiting = [];
  };
  const idle = async (): Promise<void> => {
    // A publish is counted when its handlers have returned, so the current code is given the time to return.
    await undefined;
    // Whoever awaited the last publish may have published again by the time that this code runs.
    while (running > 0) await new Promise<void>((resolve) => waiting.push(resolve));
  };
  return { start, end, idle, running: () => running };
};

export type Activity = ReturnType<typeof createActivity>;
