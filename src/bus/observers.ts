import { check, checkOptions, isObject } from '../shared/check.ts';
import { whenSettled } from '../shared/promises.ts';
import type { Report } from '../shared/safe-call.ts';
import type { Publication } from './publication.ts';
import type { Metadata, ObservedDelivery, ObservedPublish, Observer, PublishResult } from './types.ts';

const KNOWN_FUNCTIONS = { publish: 'function', handle: 'function', deliver: 'function', log: 'function' } as const;

/** @throws TypeError for what is no list of observers */
export const checkObservers = (observers: readonly Observer[]): void => {
  const what = 'createEventBus options.observers';
  check(what, observers, 'array');
  observers.forEach((observer, index) => {
    checkOptions(`${what}[${index}]`, observer, KNOWN_FUNCTIONS);
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
      // Before the call, so that a call that runs itself again ends.
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
  // To pass the call's own error on is no failure of the observer.
  const complain = (error: unknown) => {
    if (state === 'threw' && error === thrown) return;
    if (!isObject(result)) return report(error);
    whenSettled(
      result,
      () => report(error),
      (own) => own !== error && report(error),
    );
  };
  try {
    const returned = observer(run);
    if (isObject(returned)) whenSettled(returned, () => {}, complain);
  } catch (error) {
    complain(error);
  }
  return run();
};

type Handler = (payload: unknown, context: Publication) => unknown;

/** The observers of one bus, each a function around something that the bus does. Undefined where nobody observes that. */
export const createObservers = (observers: readonly Observer[], report: Report) => {
  const onPublish = observers.flatMap(({ publish }) => publish ?? []).reverse();
  const onHandle = observers.flatMap(({ handle }) => handle ?? []).reverse();
  const onDeliver = observers.flatMap(({ deliver }) => deliver ?? []).reverse();

  const handle = (handler: Handler, handlerName: string): Handler =>
    onHandle.reduce<Handler>(
      (inner, observer) => (payload, context) =>
        observe(
          () => inner(payload, context),
          (run) => observer({ handlerName, payload, context }, run),
          (error) => report('An observer (handle)', error),
        ),
      handler,
    );

  type Run = (metadata: Metadata | undefined) => Promise<PublishResult>;
  const publish = (event: ObservedPublish, call: Run): Promise<PublishResult> =>
    onPublish.reduce<Run>(
      (inner, observer) => (outer) =>
        observe<Metadata, Promise<PublishResult>>(
          (own) => inner(outer && own ? { ...outer, ...own } : (own ?? outer)),
          (run) => observer(event, run),
          (error) => report('An observer (publish)', error),
        ),
      call,
    )(undefined);

  const deliver = (arrival: ObservedDelivery, call: () => Promise<void>): Promise<void> =>
    onDeliver.reduce<() => Promise<void>>(
      (inner, observer) => () =>
        observe(
          inner,
          (run) => observer(arrival, run),
          (error) => report('An observer (deliver)', error),
        ),
      call,
    )();

  return { handle, publish: onPublish.length > 0 ? publish : undefined, deliver };
};

export type Observers = ReturnType<typeof createObservers>;
