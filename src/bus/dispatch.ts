import { isObject } from '../shared/check.ts';
import type { Count } from '../shared/count.ts';
import { createResult, type Publication, type Result, release } from './event.ts';
import type { BusParts, Reporter } from './parts.ts';
import type { PublishResult } from './types.ts';

type Fail = (result: Result, handlerName: string, error: unknown, event: Publication, payload: unknown) => void;

/** Makes what follows the asynchronous handlers of one publish, each by a call that gives the promise of them all. */
const createFollow = ({ start, land }: Count, fail: Fail, result: Result, event: Publication, payload: unknown) => {
  let pending = 0;
  let arrive!: (result: PublishResult) => void;
  const arrival = new Promise<PublishResult>((resolve) => {
    arrive = resolve;
  });
  const settled = () => {
    if (--pending > 0) return;
    release(event);
    arrive(result);
    land();
  };
  return (handlerName: string, returned: object) => {
    const failed = (error: unknown) => {
      fail(result, handlerName, error, event, payload);
      settled();
    };
    // As `await` waits: a promise is not asked for a `then` of its own, a broken thenable is only a rejection.
    Promise.prototype.then.call(Promise.resolve(returned), settled, failed);
    if (pending++ === 0) start();
    return arrival;
  };
};

export const createDispatch = ({ publishing, handlerFailed }: Reporter, flights: Count) => {
  let current: Publication | undefined;

  const fail: Fail = (result, handlerName, error, event, payload) => {
    const failure = { handlerName, error };
    result.failures.push(failure);
    handlerFailed(event, payload, failure);
  };

  /** The hot path: only what is asynchronous costs more than a loop and two objects. */
  const dispatch: BusParts['dispatch'] = (list, payload, event) => {
    publishing?.(event, list.length);
    const result = createResult(event);
    const outer = current;
    current = event;
    // A local stays in a register; counted in the result, it costs a publish a fifth more.
    let handlerCount = 0;
    let follow: ReturnType<typeof createFollow> | undefined;
    let arrival: Promise<PublishResult> | undefined;
    for (const { active, call, handlerName } of list) {
      if (!active) continue;
      handlerCount++;
      try {
        const returned = call(payload, event);
        if (!isObject(returned)) continue;
        follow ??= createFollow(flights, fail, result, event, payload);
        arrival = follow(handlerName, returned);
      } catch (error) {
        fail(result, handlerName, error, event, payload);
      }
    }
    current = outer;
    result.handlerCount = handlerCount;
    if (arrival) return arrival;
    release(event);
    return Promise.resolve(result);
  };

  return { dispatch, current: () => current };
};
