import type { PublishResult } from '../types.ts';
import { isObject } from './check.ts';
import type { Count } from './count.ts';
import { createResult, type Publication, type Result, release } from './event.ts';
import type { Subscription } from './registry.ts';
import type { Reporter } from './report.ts';

export type Dispatch = ReturnType<typeof createDispatch>['dispatch'];
type Fail = (result: Result, handlerName: string, error: unknown, event: Publication, payload: unknown) => void;

/** What a publish waits for. Made for its first asynchronous handler: one without any allocates nothing of it. */
const takeOff = ({ start, land }: Count, fail: Fail, result: Result, event: Publication, payload: unknown) => {
  start();
  let pending = 1;
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
  /** Waits as `await` does: a promise is not asked for a `then` of its own, a broken thenable is only a rejection. */
  const follow = (handlerName: string, returned: object) => {
    const failed = (error: unknown) => {
      fail(result, handlerName, error, event, payload);
      settled();
    };
    Promise.prototype.then.call(Promise.resolve(returned), settled, failed);
    pending++;
  };
  const depart = () => {
    settled();
    return arrival;
  };
  return { follow, depart };
};

export const createDispatch = ({ publishing, handlerFailed }: Reporter, flights: Count) => {
  let current: Publication | undefined;

  const fail: Fail = (result, handlerName, error, event, payload) => {
    const failure = { handlerName, error };
    result.failures.push(failure);
    handlerFailed(event, payload, failure);
  };

  /** Starts every handler, in order. The hot path: only what is asynchronous costs more than a loop and two objects. */
  const dispatch = (list: readonly Subscription[], payload: unknown, event: Publication): Promise<PublishResult> => {
    publishing?.(event, list.length);
    const result = createResult(event);
    const outer = current;
    current = event;
    // A local stays in a register; counted in the result, it costs a publish a fifth more.
    let handlerCount = 0;
    let flight: ReturnType<typeof takeOff> | undefined;
    for (const { active, call, handlerName } of list) {
      if (!active) continue;
      handlerCount++;
      try {
        const returned = call(payload, event);
        if (!isObject(returned)) continue;
        flight ??= takeOff(flights, fail, result, event, payload);
        flight.follow(handlerName, returned);
      } catch (error) {
        fail(result, handlerName, error, event, payload);
      }
    }
    current = outer;
    result.handlerCount = handlerCount;
    if (flight) return flight.depart();
    release(event);
    return Promise.resolve(result);
  };

  return { dispatch, current: () => current };
};
