import type { Unsubscribe } from '../bus/types.ts';

// Where a runtime lacks the symbols, compilers of `using` look these up in their place.
const DISPOSE: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for('Symbol.dispose');
export const ASYNC_DISPOSE: typeof Symbol.asyncDispose = Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose');

/** The function itself, which `using` can call too. */
export const toUnsubscribe = (unsubscribe: () => void): Unsubscribe =>
  Object.assign(unsubscribe, { [DISPOSE]: unsubscribe });
