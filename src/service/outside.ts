import { builtinModule } from '../shared/builtin-module.ts';

interface AsyncHooks {
  readonly AsyncLocalStorage: { readonly snapshot: () => <Result>(call: () => Result) => Result };
}

interface Runtime {
  readonly setImmediate?: (call: () => void) => unknown;
}

const runtime: Runtime = globalThis as never;

/**
 * Calls functions outside of the async context of the caller, as over a broker: a consumer must not see the storage of the
 * request that happened to publish. Without `AsyncLocalStorage`, as in browsers, it calls them as they are.
 */
export const outside: <Result>(call: () => Result) => Result =
  // Taken when the module is loaded: what creates a transport may be a request too.
  builtinModule<AsyncHooks>('node:async_hooks')?.AsyncLocalStorage.snapshot() ?? ((call) => call());

/** Calls a function in a later turn. */
export const inLaterTurn = (call: () => void): void => {
  if (runtime.setImmediate) runtime.setImmediate(call);
  else setTimeout(call, 0);
};
