/** Lets a loop sleep until it is woken or a time is over. */
export const createAlarm = () => {
  let isRinging = false;
  let wakeUp: (() => void) | undefined;

  const ring = (): void => {
    isRinging = true;
    wakeUp?.();
  };
  /** Resolves at once if it rang meanwhile. */
  const sleep = async (timeoutMs: number): Promise<void> => {
    if (!isRinging) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      await new Promise<void>((resolve) => {
        wakeUp = resolve;
        timer = setTimeout(resolve, timeoutMs);
      });
      clearTimeout(timer);
      wakeUp = undefined;
    }
    isRinging = false;
  };
  return { ring, sleep };
};
