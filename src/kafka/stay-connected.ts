import { sleep } from '../shared/sleep.ts';

/** A broker ends a connection that was idle for ten minutes, unless an operator has changed `connections.max.idle.ms`. */
const IDLE_MS = 60_000;
const AGAIN_MS = 1_000;

/**
 * Keeps one connection to the brokers, so that the health of a process that publishes seldom is known: a client connects
 * only when it is used. Ends when the signal is aborted.
 */
export const stayConnected = async (
  ask: () => Promise<unknown>,
  trouble: (error: unknown) => void,
  signal: AbortSignal,
): Promise<void> => {
  while (!signal.aborted) {
    try {
      await ask();
      await sleep(IDLE_MS, signal);
    } catch (error) {
      if (signal.aborted) return;
      trouble(error);
      await sleep(AGAIN_MS, signal);
    }
  }
};
