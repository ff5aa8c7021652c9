interface Watch {
  readonly callbacks: Set<() => void>;
  readonly stop: () => void;
}

const watches = new WeakMap<AbortSignal, Watch>();

const startWatch = (signal: AbortSignal): Watch => {
  const callbacks = new Set<() => void>();
  const listener = () => {
    for (const callback of [...callbacks]) callback();
  };
  const stop = () => {
    watches.delete(signal);
    signal.removeEventListener('abort', listener);
  };
  signal.addEventListener('abort', listener);
  return { callbacks, stop };
};

/**
 * Calls back when a signal is aborted, and returns a function that ends this. A signal gets one listener for all
 * callbacks: Node warns of a leak from the eleventh listener on.
 */
export const onAbort = (signal: AbortSignal, callback: () => void): (() => void) => {
  const watch = watches.get(signal) ?? startWatch(signal);
  watches.set(signal, watch);
  // A new function, since the same callback may be registered twice.
  const call = () => callback();
  watch.callbacks.add(call);
  return () => {
    if (watch.callbacks.delete(call) && watch.callbacks.size === 0) watch.stop();
  };
};
