import { onAbort } from './abort.ts';

/** Resolves when the time is over or the signal is aborted. */
export const sleep = (delayMs: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal?.aborted) {
      resolve();
      return;
    }
    const end = () => {
      clearTimeout(timer);
      release?.();
      resolve();
    };
    const timer = setTimeout(end, delayMs);
    const release = signal && onAbort(signal, end);
  });
