import type { Activity } from '../shared/activity.ts';
import { isObject } from '../shared/check.ts';
import { whenSettled } from '../shared/promises.ts';
import type { Log } from './log.ts';
import { addFailure, COUNT, type Publication, settle } from './publication.ts';
import type { Subscription } from './registry.ts';
import type { PublishResult } from './types.ts';

/** A limit for handlers that publish their own event. Without it the stack would overflow, anywhere in this code. */
export const MAX_DEPTH = 500;

/** Starts all handlers of a publish, and resolves when they have settled. Never throws, never rejects. */
export type RunHandlers = (
  handlers: readonly Subscription[],
  payload: unknown,
  publication: Publication,
) => Promise<PublishResult>;

export const createRunHandlers = ({ handlerFailed, publishing }: Log, activity: Activity) => {
  /** The publish that runs the current code. */
  let current: Publication | undefined;
  /** How many publishes are inside one another here: each was made by a handler of the one before. */
  let depth = 0;

  const fail = (handlerName: string, error: unknown, publication: Publication, payload: unknown): void => {
    const failure = Object.freeze({ handlerName, error });
    addFailure(publication, failure);
    handlerFailed(publication, payload, failure);
  };

  /** Waits for the asynchronous handlers of one publish. */
  const createFollow = (publication: Publication, payload: unknown) => {
    let pending = 0;
    let resolve!: (result: PublishResult) => void;
    const allSettled = new Promise<PublishResult>((resolvePromise) => {
      resolve = resolvePromise;
    });
    const settled = () => {
      if (--pending > 0) return;
      resolve(settle(publication));
      activity.end();
    };
    activity.start();
    /** Adds one handler, and returns the promise of all of them. */
    return (handlerName: string, returned: object): Promise<PublishResult> => {
      const failed = (error: unknown) => {
        fail(handlerName, error, publication, payload);
        settled();
      };
      pending++;
      whenSettled(returned, settled, failed);
      return allSettled;
    };
  };

  // The hot path. With synchronous handlers it creates nothing but the promise that it returns.
  const runHandlers: RunHandlers = (handlers, payload, publication) => {
    if (handlers.length === 0) return Promise.resolve(settle(publication));
    publishing?.(publication, handlers.length);
    const outer = current;
    const level = depth;
    current = publication;
    depth = level + 1;
    // A local variable: a count in the publication would make a publish a fifth slower.
    let handlerCount = 0;
    let follow: ReturnType<typeof createFollow> | undefined;
    let allSettled: Promise<PublishResult> | undefined;
    for (let index = 0; index < handlers.length; index++) {
      const { active, signal, call, handlerName } = handlers[index] as Subscription;
      if (!active) continue;
      try {
        if (signal?.aborted) continue;
        handlerCount++;
        const returned = call(payload, publication);
        if (returned === undefined || !isObject(returned)) continue;
        follow ??= createFollow(publication, payload);
        allSettled = follow(handlerName, returned);
      } catch (error) {
        fail(handlerName, error, publication, payload);
      }
    }
    // Not one less: a publish inside may have ended by a stack overflow, before it came here.
    depth = level;
    current = outer;
    publication[COUNT] = handlerCount;
    return allSettled ?? Promise.resolve(settle(publication));
  };

  return { runHandlers, current: () => current, isTooDeep: () => depth >= MAX_DEPTH };
};
