/**
 * Runs a function again and again, with a pause before each run. `schedule` begins a pause anew, with its present length.
 */
export const repeat = (run: () => Promise<void>, pauseMs: () => number, report: (error: unknown) => void) => {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isStopped = false;
  const schedule = (): void => {
    clearTimeout(timer);
    if (isStopped) return;
    timer = setTimeout(() => run().catch(report).finally(schedule), pauseMs());
    // In a browser it is a number, and keeps nothing alive.
    Object(timer).unref?.();
  };
  schedule();
  const stop = () => {
    isStopped = true;
    clearTimeout(timer);
  };
  return { schedule, stop };
};
