import { after } from './after.ts';

const PAUSE_MS = 100;

/**
 * Tries until it succeeds, or until `signal` says that the time is over, or for an error that `isFinal`. Sending an event
 * again is safe, since it keeps its id.
 */
export const resendUntil = (
  signal: AbortSignal,
  sendOnce: () => Promise<void>,
  isFinal: (error: unknown) => boolean,
): Promise<void> => {
  const resend = async (error: unknown): Promise<void> => {
    if (signal.aborted || isFinal(error)) throw error;
    await after(PAUSE_MS);
    if (signal.aborted) throw error;
    return resendUntil(signal, sendOnce, isFinal);
  };
  // Not an asynchronous function: most succeed at once, and one would cost each of them a promise more.
  try {
    return sendOnce().catch(resend);
  } catch (error) {
    return resend(error);
  }
};

/** An error that waiting does not mend: `ready` rejects with it at once. */
export const createFatal = (message: string): Error => Object.assign(new Error(`[mapbus] ${message}`), { fatal: true });
