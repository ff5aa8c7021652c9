import { after } from './after.ts';

const PAUSE_MS = 100;

/**
 * Tries until it succeeds, or until `signal` says that the time is over, or for an error that `isFinal`. Sending an event
 * again is safe, since it keeps its id.
 */
export const resendUntil = async (
  signal: AbortSignal,
  sendOnce: () => Promise<void>,
  isFinal: (error: unknown) => boolean,
): Promise<void> => {
  while (true) {
    try {
      return await sendOnce();
    } catch (error) {
      if (signal.aborted || isFinal(error)) throw error;
      await after(PAUSE_MS);
      if (signal.aborted) throw error;
    }
  }
};

/** An error that waiting does not mend: `ready` rejects with it at once. */
export const createFatal = (message: string): Error => Object.assign(new Error(`[mapbus] ${message}`), { fatal: true });
