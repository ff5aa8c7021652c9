/**
 * How `recordEvents` of `mapbus/testing` hears of attempts that failed, also by their time or by a publish. A registered
 * symbol, since the two entries may be of two copies of the package.
 */
export const ON_ATTEMPT_FAILED: symbol = Symbol.for('mapbus.onAttemptFailed');

/** An attempt that failed. */
export interface AttemptFailure {
  readonly eventName: string;
  /** The name of the consumer. */
  readonly handlerName: string;
  readonly error: unknown;
}

/** Tells each listener of each failure. */
export const createAttemptFailures = () => {
  const listeners = new Set<(failure: AttemptFailure) => void>();
  return {
    listen: (listener: (failure: AttemptFailure) => void): void => {
      listeners.add(listener);
    },
    tell: (failure: AttemptFailure): void => {
      for (const listener of listeners) listener(failure);
    },
  };
};
