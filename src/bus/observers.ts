import { check, isObject, readOptions } from '../shared/check.ts';
import { whenSettled } from '../shared/promises.ts';
import type { Report } from '../shared/safe-call.ts';
import type { Publication } from './publication.ts';
import type { Metadata, ObservedDelivery, ObservedPublish, Observer, PublishResult } from './types.ts';

const KNOWN_FUNCTIONS = {
  publish: 'function',
  handle: 'function',
  deliver: 'function',
  settle: 'function',
  log: 'function',
} as const;

/** @throws TypeError if it is no list of observers */
export const checkObservers = (bus: string, observers: readonly Observer[]): void => {
  const what = `${bus}.observers`;
  check(what, observers, 'array');
  observers.forEach((observer, index) => {
    readOptions(`${what}[${index}]`, observer, KNOWN_FUNCTIONS);
  });
};

/**
 * Lets an observer run a call. The outcome is that of the call, whether the observer throws, rejects, runs it twice, late
 * or never.
 */
const observe = <Extra, Result>(
  call: (extra: Extra | undefined) => Result,
  observer: (run: (extra?: Extra) => Result) => unknown,
  report: (error: unknown) => void,
): Result => {
  let state: 'waiting' | 'returned' | 'threw' = 'waiting';
  let result: Result | undefined;
  let thrown: unknown;
  const run = (extra?: Extra): Result => {
    if (state === 'waiting') {
      // Set before the call, since the call itself may call `run` again.
      state = 'returned';
      try {
        result = call(extra);
      } catch (error) {
        state = 'threw';
        thrown = error;
      }
    }
    if (state === 'threw') throw thrown;
    return result as Result;
  };
  /** Reports what an observer threw, unless it is the error of the call itself, which observers may pass on. */
  const reportUnlessOwn = (error: unknown) => {
    if (state === 'threw' && error === thrown) return;
    if (!isObject(result)) return report(error);
    whenSettled(
      result,
      () => report(error),
      (ownError) => ownError !== error && report(error),
    );
  };
  try {
    const returned = observer(run);
    if (isObject(returned)) whenSettled(returned, () => {}, reportUnlessOwn);
  } catch (error) {
    reportUnlessOwn(error);
  }
  return run();
};

type Fail = (error: unknown) => void;
type Handler = (payload: unknown, context: Publication) => unknown;

/** Runs a publish with the metadata that the observers so far have added, the outermost first; `undefined` for none. */
type RunPublish = (added?: readonly Metadata[]) => Promise<PublishResult>;

/**
 * Functions that run a publish, a handler or a delivery inside all observers. `publish` and `deliver` are undefined if no
 * observer has them.
 */
export const createObservers = (observers: readonly Observer[], report: Report) => {
  /** Puts the observers around a call, the first one outermost. They are called as methods, so they may use `this`. */
  const around = <Run>(
    kind: keyof Observer,
    call: Run,
    wrap: (observer: Observer, inner: Run, report: Fail) => Run,
  ): Run =>
    observers.reduceRight<Run>((inner, observer, index) => {
      if (!observer[kind]) return inner;
      return wrap(observer, inner, (error) => report(`${kind} of observer ${index}`, error));
    }, call);

  const handle = (handler: Handler, handlerName: string): Handler =>
    around('handle', handler, (observer, inner, failed): Handler => {
      return (payload, context) =>
        observe(
          () => inner(payload, context),
          (run) => observer.handle?.({ handlerName, payload, context }, run),
          failed,
        );
    });

  const publish = (event: ObservedPublish, call: RunPublish): Promise<PublishResult> =>
    around('publish', call, (observer, inner, failed): RunPublish => {
      return (added) =>
        observe<Metadata, Promise<PublishResult>>(
          (extra) => inner(extra === undefined ? added : [...(added ?? []), extra]),
          (run) => observer.publish?.(event, run),
          failed,
        );
    })();

  const deliver = (arrival: ObservedDelivery, call: () => Promise<void>): Promise<void> =>
    around('deliver', call, (observer, inner, failed) => {
      return () => observe(inner, (run) => observer.deliver?.(arrival, run), failed);
    })();

  const has = (kind: keyof Observer) => observers.some((observer) => observer[kind]);
  return { handle, publish: has('publish') ? publish : undefined, deliver: has('deliver') ? deliver : undefined };
};

export type Observers = ReturnType<typeof createObservers>;
