/** How much is in flight, and who waits until nothing is. */
export const createCount = () => {
  let inFlight = 0;
  let waiting: (() => void)[] = [];

  const start = () => {
    inFlight++;
  };
  const land = () => {
    if (--inFlight > 0) return;
    for (const wake of waiting) wake();
    waiting = [];
  };
  // A publish is in flight only once it has returned, hence the first `await`.
  const idle = async (): Promise<void> => {
    await undefined;
    if (inFlight > 0) await new Promise<void>((resolve) => waiting.push(resolve));
  };
  return { start, land, idle, inFlight: () => inFlight };
};

export type Count = ReturnType<typeof createCount>;
