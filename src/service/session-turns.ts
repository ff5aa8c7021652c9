import { type Publication, SESSION } from '../bus/publication.ts';
import type { Parent } from '../bus/publish.ts';
import type { EventBusError, PublishResult } from '../bus/types.ts';
import type { Activity } from '../shared/activity.ts';
import { isObject } from '../shared/check.ts';
import { createError } from '../shared/errors.ts';
import { within } from '../shared/time-limit.ts';

const sessionOf = (context: Parent): unknown => {
  try {
    return context && 'session' in context ? context.session : undefined;
  } catch {
    return undefined;
  }
};

/** `null` is no session. */
export const sessionIn = (publication: Publication): unknown => publication[SESSION] ?? undefined;

/** @param timeoutMs how long a publish waits for its turn */
export const createSessionTurns = (activity: Activity, timeoutMs: number) => {
  /** The publishes that are under way with a session, outside of its own handlers. */
  const underWay = new WeakMap<object, Promise<unknown>>();

  const late = (): EventBusError => {
    const text = `the one before it with this session has not ended within ${timeoutMs} ms`;
    return createError('publish_timeout', `Cannot publish: ${text}; in a handler, pass { from: context }`);
  };

  /** Says whether the turn has come in time. A handler that publishes without its context would wait for itself. */
  const waitFor = (before: Promise<unknown>): Promise<boolean> =>
    within(
      timeoutMs,
      before.then(() => true),
      () => false,
    );

  /** One publish of a session at a time: a savepoint of one must not take the event of another with it. */
  return (
    session: unknown,
    parent: Parent,
    run: () => Promise<PublishResult>,
    tooLate: (error: EventBusError) => Promise<PublishResult>,
  ): Promise<PublishResult> => {
    // What a handler of the session publishes is a part of the publish that is under way.
    if (!isObject(session) || sessionOf(parent) === session) return run();
    const before = underWay.get(session);
    // So that `close` waits also for those that wait.
    activity.start();
    const running = before ? waitFor(before).then((isInTime) => (isInTime ? run() : tooLate(late()))) : run();
    const forget = () => {
      if (underWay.get(session) === settled) underWay.delete(session);
    };
    // A pool lends the same session again and again: what has settled must not stay with it.
    const settled: Promise<unknown> = (before ? Promise.allSettled([before, running]) : running).then(forget, forget);
    underWay.set(session, settled);
    void running.then(activity.end, activity.end);
    return running;
  };
};
