import type { CloseOptions, PublishResult } from '../types.ts';
import { checkOptions } from './check.ts';
import { type Result, release, type Signals } from './context.ts';
import type { Reporter } from './report.ts';

export interface Started {
  readonly handlerName: string;
  readonly returned: object;
}

/** Waits as `await` does: a promise is not asked for a `then` of its own, a broken thenable is only a rejection. */
const follow = (returned: object, settled: () => void, failed: (error: unknown) => void) => {
  try {
    Promise.prototype.then.call(Promise.resolve(returned), settled, failed);
  } catch (error) {
    failed(error);
  }
};

/** Resolves when the promise does, or after the time limit. */
export const withTimeLimit = async (promise: Promise<unknown>, timeoutMs: number) => {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs);
  });
  await Promise.race([promise, deadline]);
  clearTimeout(timer);
};

/** What is in flight, and who waits until nothing is. */
export const createCount = () => {
  let inFlight = 0;
  let waiting: (() => void)[] = [];

  const start = () => {
    inFlight++;
  };
  const land = () => {
    if (--inFlight > 0) return;
    for (const wake of waiting) wake();
    waiting = [];
  };
  // A publish is in flight only once it has returned, hence the first `await`.
  const idle = async (): Promise<void> => {
    await undefined;
    if (inFlight > 0) await new Promise<void>((resolve) => waiting.push(resolve));
  };

  return { start, land, idle, inFlight: () => inFlight };
};

/** @throws TypeError for a bad option of `close` */
export const readDrainTimeout = (options: CloseOptions = {}): number => {
  checkOptions('close options', options, { drainTimeoutMs: 'positive milliseconds' });
  return options.drainTimeoutMs ?? 10_000;
};

export type Flights = ReturnType<typeof createFlights>;

/** What has been published and waits for asynchronous handlers. */
export const createFlights = ({ drainTimedOut }: Reporter) => {
  const signals: Signals = { controllers: new Set(), reason: undefined };
  const { start, land, idle, inFlight } = createCount();

  /** Resolves with the result when the handlers have settled. */
  const settle = (started: readonly Started[], result: Result, fail: (handlerName: string, error: unknown) => void) =>
    new Promise<PublishResult>((resolve) => {
      start();
      let pending = started.length;
      const settled = () => {
        if (--pending > 0) return;
        release(result);
        resolve(result);
        land();
      };
      for (const { handlerName, returned } of started) {
        follow(returned, settled, (error) => {
          fail(handlerName, error);
          settled();
        });
      }
    });

  /** Waits for `idle` as long as the time limit allows, then aborts the signals of what is still in flight. */
  const drain = async (timeoutMs: number): Promise<void> => {
    await withTimeLimit(idle(), timeoutMs);
    if (inFlight() === 0) return;
    drainTimedOut(inFlight());
    signals.reason = new DOMException('[mapbus] The bus is closed', 'AbortError');
    for (const controller of signals.controllers) controller.abort(signals.reason);
  };

  return { settle, idle, drain, signals };
};
