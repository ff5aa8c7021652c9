import { builtinModule } from '../shared/builtin-module.ts';

interface NodeEvents {
  readonly setMaxListeners?: (count: number, signal: AbortSignal) => void;
}

/** All handlers of an event share one signal. Node takes more than ten listeners of a signal for a leak, and warns. */
const allowManyListeners = (signal: AbortSignal): void => {
  builtinModule<NodeEvents>('node:events')?.setMaxListeners?.(0, signal);
};

/** The signals that handlers of one bus have read. When the time of `close` is over, all of them are aborted. */
export const createAbortSignals = () => {
  const live = new Set<AbortController>();
  let reason: unknown;

  const create = (): AbortController => {
    const controller = new AbortController();
    allowManyListeners(controller.signal);
    if (reason) controller.abort(reason);
    else live.add(controller);
    return controller;
  };
  const release = (controller: AbortController): void => {
    live.delete(controller);
  };
  const abortAll = (why: unknown): void => {
    reason = why;
    for (const controller of live) controller.abort(why);
    live.clear();
  };
  return { create, release, abortAll };
};

export type AbortSignals = ReturnType<typeof createAbortSignals>;
