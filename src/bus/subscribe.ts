import { onAbort } from '../shared/abort.ts';
import { ABORT_SIGNAL, check, isObject, type KnownOptions, readOptions } from '../shared/check.ts';
import { toUnsubscribe } from '../shared/dispose.ts';
import { createError } from '../shared/errors.ts';
import { whenSettled } from '../shared/promises.ts';
import type { SafeCall } from '../shared/safe-call.ts';
import type { AbortSignals } from './abort-signals.ts';
import type { Log } from './log.ts';
import type { Observers } from './observers.ts';
import { withSignal } from './publication.ts';
import type { Call, Registry } from './registry.ts';
import type { ContextStorage, SubscribeOptions, Unsubscribe } from './types.ts';

const KNOWN_OPTIONS: KnownOptions = {
  once: 'boolean',
  signal: ABORT_SIGNAL,
  name: 'string that is not empty',
  timeoutMs: 'positive milliseconds',
  onClose: 'function',
};

interface Parts {
  readonly registry: Registry;
  readonly observers: Observers;
  readonly signals: AbortSignals;
  readonly log: Log;
  readonly safeCall: SafeCall;
  readonly storage: ContextStorage | undefined;
  /** Whether `close` was called. */
  readonly isClosing: () => boolean;
}

/** Gives a handler a time limit. When it is over, the handler's signal is aborted, and it has failed even if it still runs. */
const withTimeLimit =
  (call: Call, handlerName: string, timeoutMs: number, { signals, log }: Parts): Call =>
  (payload, publication) => {
    const controller = signals.create();
    const run = () => {
      const returned = call(payload, withSignal(publication, controller));
      if (!isObject(returned)) {
        signals.release(controller);
        return undefined;
      }
      return new Promise<void>((resolve, reject) => {
        const message = `${handlerName} took longer than ${timeoutMs} ms`;
        let isLate = false;
        const timer = setTimeout(() => {
          isLate = true;
          const error = createError('timeout', message, { name: 'TimeoutError' });
          controller.abort(error);
          signals.release(controller);
          reject(error);
        }, timeoutMs);
        const end = () => {
          clearTimeout(timer);
          signals.release(controller);
        };
        const done = () => {
          end();
          resolve();
        };
        const failed = (error: unknown) => {
          end();
          if (isLate) log.handlerFailedLate(publication, { handlerName, error });
          else reject(error);
        };
        whenSettled(returned, done, failed);
      });
    };
    try {
      return run();
    } catch (error) {
      signals.release(controller);
      throw error;
    }
  };

const nameOf = (handler: Call): string =>
  typeof handler.name === 'string' && handler.name !== '' ? handler.name : 'anonymous';

/** Registers a handler for one name, or for every name if `name` is undefined. Then it gets `{ name, payload }`. */
export const createSubscribe = (parts: Parts) => {
  const { registry, observers, safeCall, storage, isClosing } = parts;

  const wrap = (name: string | undefined, handler: Call, handlerName: string, timeoutMs: number | undefined): Call => {
    const called: Call =
      name === undefined ? (payload, event) => handler({ name: event.name, payload } as unknown, event) : handler;
    const stored: Call = storage ? (payload, event) => storage.run(event, () => called(payload, event)) : called;
    const timed = timeoutMs === undefined ? stored : withTimeLimit(stored, handlerName, timeoutMs, parts);
    return observers.handle(timed, handlerName);
  };

  return (name: string | undefined, handler: Call, options: SubscribeOptions = {}): Unsubscribe => {
    check('handler', handler, 'function');
    const given = readOptions('subscribe options', options, KNOWN_OPTIONS);
    if (isClosing()) throw createError('closed', 'Cannot subscribe: the bus is closed');
    const { once, signal, timeoutMs, onClose, name: handlerName = nameOf(handler) } = given;
    if (signal?.aborted) return toUnsubscribe(() => {});
    const wrapped = wrap(name, handler, handlerName, timeoutMs);
    const callOnce: Call = (payload, event) => {
      unsubscribe();
      return wrapped(payload, event);
    };
    const unsubscribe = () => {
      remove();
      stopListening?.();
    };
    const end = () => {
      unsubscribe();
      if (onClose) safeCall('onClose', onClose);
    };
    const remove = registry.add(name, { handlerName, call: once ? callOnce : wrapped, signal, end });
    let stopListening: (() => void) | undefined;
    try {
      stopListening = signal && onAbort(signal, unsubscribe);
    } catch (error) {
      remove();
      throw error;
    }
    return toUnsubscribe(unsubscribe);
  };
};
