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
    do {
      if (running > 0) await new Promise<void>((resolve) => waiting.push(resolve));
      // Lets other code run first. A publish is counted only once its handlers have returned, and code that awaited a
      // publish may publish again.
      await undefined;
    } while (running > 0);
  };
  return { start, end, idle, running: () => running };
};

export type Activity = ReturnType<typeof createActivity>;
