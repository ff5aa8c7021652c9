import type { PublishResult } from '../types.ts';
import { isObject } from './check.ts';
import { createResult, type Publication, type Result, release, type Signals } from './context.ts';
import type { Subscription } from './registry.ts';
import type { Reporter } from './report.ts';

interface Started {
  readonly handlerName: string;
  readonly returned: object;
}

export type Dispatcher = ReturnType<typeof createDispatcher>;

export const createDispatcher = ({ publishing, handlerFailed, drainTimedOut }: Reporter) => {
  const signals: Signals = { controllers: new Set(), reason: undefined };
  let current: Publication | undefined;
  let inFlight = 0;
  let waiting: (() => void)[] = [];

  const fail = (event: Publication, payload: unknown, result: Result, handlerName: string, error: unknown) => {
    result.failures = [...result.failures, handlerFailed(handlerName, error, payload, event)];
  };

  /** Resolves when the handlers have settled. Waits as `await` does: a broken thenable is no more than a rejection. */
  const settle = (event: Publication, payload: unknown, result: Result, started: readonly Started[]) =>
    new Promise<PublishResult>((resolve) => {
      let pending = started.length;
      const settled = () => {
        if (--pending > 0) return;
        release(event);
        resolve(result);
        if (--inFlight > 0) return;
        for (const wake of waiting) wake();
        waiting = [];
      };
      inFlight++;
      for (const { handlerName, returned } of started) {
        const failed = (error: unknown) => {
          fail(event, payload, result, handlerName, error);
          settled();
        };
        try {
          Promise.prototype.then.call(Promise.resolve(returned), settled, failed);
        } catch (error) {
          failed(error);
        }
      }
    });

  /** Starts every handler, in order. The hot path: only what is asynchronous costs more than a loop and two objects. */
  const dispatch = (list: readonly Subscription[], payload: unknown, event: Publication): Promise<PublishResult> => {
    publishing(event, list.length);
    const result = createResult(event);
    const outer = current;
    current = event;
    let started: Started[] | undefined;
    for (const { active, call, handlerName } of list) {
      if (!active) continue;
      result.handlerCount++;
      try {
        const returned = call(payload, event);
        if (!isObject(returned)) continue;
        started ??= [];
        started.push({ handlerName, returned });
      } catch (error) {
        fail(event, payload, result, handlerName, error);
      }
    }
    current = outer;
    if (started) return settle(event, payload, result, started);
    release(event);
    return Promise.resolve(result);
  };

  // A publish is in flight only once it has returned, hence the first `await`.
  const idle = async (): Promise<void> => {
    await undefined;
    if (inFlight > 0) await new Promise<void>((resolve) => waiting.push(resolve));
  };

  /** Waits for `idle` as long as the time limit allows, then aborts the signals of what is still in flight. */
  const drain = async (timeoutMs: number): Promise<void> => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const deadline = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
    });
    await Promise.race([idle(), deadline]);
    clearTimeout(timer);
    if (inFlight === 0) return;
    drainTimedOut(inFlight);
    signals.reason = new DOMException('[mapbus] The bus is closed', 'AbortError');
    for (const controller of signals.controllers) controller?.abort(signals.reason);
  };

  return { dispatch, idle, drain, signals, current: () => current };
};
