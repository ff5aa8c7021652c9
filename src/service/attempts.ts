import type { AbortSignals } from '../bus/abort-signals.ts';
import type { EventBusError, PublishResult } from '../bus/types.ts';
import { onAbort } from '../shared/abort.ts';
import type { AttemptSession } from './attempt-session.ts';

/** One attempt of a consumer. */
export interface Attempt extends AttemptSession {
  /** Follows a publish: when it fails, the attempt fails. */
  readonly follow: (publishing: Promise<PublishResult>) => void;
  /** The signal of the context, created when first read. */
  readonly signal: () => AbortSignal;
  /** The session that publishes below it use by themselves. */
  readonly session: () => unknown;
  readonly abort: (reason: unknown) => void;
  readonly end: () => void;
}

interface AttemptParts extends Pick<AttemptSession, 'consumer' | 'log'> {
  readonly signals: AbortSignals;
}

/** @param given the signal of the delivery: aborted when it belongs to another process */
export const createAttempt = ({ signals, consumer, log }: AttemptParts, given: AbortSignal): Attempt => {
  let session: unknown;
  let pending: Set<Promise<unknown>> | undefined;
  let firstError: EventBusError | undefined;
  let controller: AbortController | undefined;
  let abortReason: unknown;
  let stopListening: (() => void) | undefined;
  let isEnded = false;

  const follow = (publishing: Promise<PublishResult>): void => {
    pending ??= new Set();
    const all = pending;
    const followed = publishing.then(({ error }) => {
      firstError ??= error;
      all.delete(followed);
    });
    all.add(followed);
  };
  const allPublished = async (all: Set<Promise<unknown>>): Promise<EventBusError | undefined> => {
    // A publish may lead to another one below the same attempt.
    while (all.size > 0) await Promise.all(all);
    return firstError;
  };
  const signal = (): AbortSignal => {
    if (controller) return controller.signal;
    const created = signals.create();
    controller = created;
    if (abortReason) created.abort(abortReason);
    else if (given.aborted) created.abort(given.reason);
    // Nobody would end it later.
    if (isEnded) signals.release(created);
    else if (!created.signal.aborted) stopListening = onAbort(given, () => created.abort(given.reason));
    return created.signal;
  };
  return {
    consumer,
    log,
    follow,
    published: () => pending && allPublished(pending),
    signal,
    session: () => session,
    setSession: (next) => {
      session = next;
    },
    abort: (reason) => {
      abortReason = reason;
      controller?.abort(reason);
    },
    end: () => {
      isEnded = true;
      stopListening?.();
      if (controller) signals.release(controller);
    },
  };
};
