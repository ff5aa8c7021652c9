import type { Unsubscribe } from '../bus/types.ts';

// In a runtime without the symbols, compiled `using` looks up these.
export const DISPOSE: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for('Symbol.dispose');
export const ASYNC_DISPOSE: typeof Symbol.asyncDispose = Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose');

/** Returns the same function, which then works with `using`. */
export const toUnsubscribe = (unsubscribe: () => void): Unsubscribe =>
  Object.assign(unsubscribe, { [DISPOSE]: unsubscribe });
