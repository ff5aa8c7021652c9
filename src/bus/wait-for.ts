import { ABORT_SIGNAL, checkOptions, type Known } from '../shared/check.ts';
import type { EventName, Subscriber } from './types.ts';

/** Which event is waited for, and how long. */
export interface WaitForOptions<Payload> {
  /** Waits on until this returns something truthy for a payload; what it throws rejects the promise. */
  readonly filter?: ((payload: Payload) => unknown) | undefined;
  /** Rejects with its reason when aborted. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds until the promise rejects with a `TimeoutError`. @default no limit */
  readonly timeoutMs?: number | undefined;
}

const KNOWN_OPTIONS: Known = {
  filter: 'function',
  signal: ABORT_SIGNAL,
  timeoutMs: 'positive milliseconds',
};

/**
 * Waits for the next event of a name and resolves with its payload. However it ends, it leaves no subscription behind.
 * @throws (rejects with) the reason of `signal`, or a `DOMException` named `TimeoutError`
 * @example
 * const { orderId } = await waitFor(bus, 'order.placed', { filter: ({ total }) => total > 100, timeoutMs: 5_000 });
 */
export const waitFor = <Events extends object, Name extends EventName<Events>>(
  bus: Subscriber<Events>,
  name: Name,
  options: WaitForOptions<Events[Name]> = {},
): Promise<Events[Name]> => {
  checkOptions('waitFor options', options, KNOWN_OPTIONS);
  const { filter, signal, timeoutMs } = options;
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const end = () => {
      unsubscribe();
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    };
    const abort = () => {
      end();
      reject(signal?.reason);
    };
    const receive = (payload: Events[Name]) => {
      try {
        if (filter && !filter(payload)) return;
        resolve(payload);
      } catch (error) {
        reject(error);
      }
      end();
    };
    const unsubscribe = bus.subscribe(name, receive, { name: 'waitFor' });
    signal?.addEventListener('abort', abort);
    const timeout = () => {
      end();
      reject(new DOMException(`[mapbus] No ${name} within ${timeoutMs} ms`, 'TimeoutError'));
    };
    const timer = timeoutMs === undefined ? undefined : setTimeout(timeout, timeoutMs);
  });
};
