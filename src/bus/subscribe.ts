import { ABORT_SIGNAL, check, checkOptions, isObject, type Known } from '../shared/check.ts';
import { DISPOSE } from '../shared/dispose.ts';
import { createError } from '../shared/errors.ts';
import { within } from '../shared/time-limit.ts';
import { withSignal } from './event.ts';
import type { Call } from './parts.ts';
import type { createRegistry } from './registry.ts';
import type { ContextStorage, SubscribeOptions, Unsubscribe } from './types.ts';

const KNOWN_OPTIONS: Known = {
  once: 'boolean',
  signal: ABORT_SIGNAL,
  name: 'string',
  timeoutMs: 'positive milliseconds',
};

/** Gives a handler a time limit: after it, its signal is aborted and it has failed, whatever it still does. */
const withTimeout =
  (call: Call, handlerName: string, timeoutMs: number): Call =>
  (payload, event) => {
    const controller = new AbortController();
    const returned = call(payload, withSignal(event, controller));
    const late = () => {
      const error = new DOMException(`[mapbus] ${handlerName} took longer than ${timeoutMs} ms`, 'TimeoutError');
      controller.abort(error);
      throw error;
    };
    return isObject(returned) && within(timeoutMs, Promise.resolve(returned), late);
  };

/** Registers a handler of one name, or of every name, which gets the name with the payload. */
export const createSubscribe =
  (add: ReturnType<typeof createRegistry>['add'], storage: ContextStorage | undefined, isClosed: () => boolean) =>
  (name: string | undefined, handler: Call, options: SubscribeOptions = {}): Unsubscribe => {
    check('handler', handler, 'function');
    checkOptions('subscribe options', options, KNOWN_OPTIONS);
    if (isClosed()) throw createError('closed', 'Cannot subscribe: the bus is closed');
    const { once, signal, timeoutMs, name: handlerName = handler.name || 'anonymous' } = options;
    let remove = () => {};
    const unsubscribe = () => {
      remove();
      signal?.removeEventListener('abort', unsubscribe);
    };
    const call: Call = name === undefined ? (payload, event) => handler({ name: event.name, payload }, event) : handler;
    const stored: Call = storage ? (payload, event) => storage.run(event, () => call(payload, event)) : call;
    const timed = timeoutMs === undefined ? stored : withTimeout(stored, handlerName, timeoutMs);
    const single: Call = (payload, event) => {
      unsubscribe();
      return timed(payload, event);
    };
    if (!signal?.aborted) {
      remove = add(name, handlerName, once ? single : timed);
      signal?.addEventListener('abort', unsubscribe);
    }
    return Object.assign(unsubscribe, { [DISPOSE]: unsubscribe });
  };
