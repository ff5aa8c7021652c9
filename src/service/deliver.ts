import { Buffer } from 'node:buffer';
import type { AbortSignals } from '../bus/abort-signals.ts';
import type { Log } from '../bus/log.ts';
import type { Observers } from '../bus/observers.ts';
import type { ContextStorage, ObservedOutcome } from '../bus/types.ts';
import type { Activity } from '../shared/activity.ts';
import { isObject } from '../shared/check.ts';
import { createError, describeError } from '../shared/errors.ts';
import type { Gate } from '../shared/gate.ts';
import { whenSettled } from '../shared/promises.ts';
import type { AttemptError, Deliver, Delivery, Outcome } from '../transport/index.ts';
import type { AttemptFailure } from './attempt-failures.ts';
import { createAttempt } from './attempts.ts';
import { createConsumerContext } from './consumer-context.ts';
import { open, type ReceivedEnvelope } from './envelope.ts';
import { isNonRetryable } from './non-retryable.ts';
import type { ConsumerSettings } from './options.ts';
import { ELSEWHERE_AFTER_MS, retryDelay } from './retry-delays.ts';
import type { Settled } from './settled.ts';
import type { ConsumerContext } from './types.ts';

const DONE: Outcome = { is: 'done' };

/** How long an event waits for a process that consumes it: the time of a deploy. */
const NOT_CONSUMED_MS = 3_600_000;
/** Of so many such events a process knows since when it gets them. */
const MAX_FIRST_SEEN = 10_000;

/** How often one attempt may be delivered: the event that kills its process each time must not do so for ever. */
const MAX_DELIVERIES = 20;

/** What a handler threw, whatever that is. */
interface Failed {
  readonly thrown: unknown;
}

export type AnyConsumerHandler = (payload: unknown, context: ConsumerContext) => unknown;

/** A consumer as it runs in this process. */
export interface RunningConsumer {
  readonly consumer: string;
  /** Gets the payload, or for several names the event. */
  readonly handler: AnyConsumerHandler;
  readonly isOfSeveral: boolean;
  readonly names: ReadonlySet<string>;
  readonly settings: ConsumerSettings;
  /** After `unsubscribe`: what a transport still delivers is for another process. */
  isStopped: boolean;
  running: number;
  /** Handlers that run although their time is over. */
  abandoned: number;
  /** Milliseconds since 1970. */
  lastDeliveryAt: number | undefined;
  lastFailureAt: number | undefined;
  lastError: AttemptError | undefined;
  /** Called when `abandoned` has changed. */
  abandonedChanged: () => void;
}

export interface DeliverParts {
  /** Namespace and service. */
  readonly owner: string;
  readonly activity: Activity;
  readonly attemptFailed: (failure: AttemptFailure) => void;
  readonly log: Log;
  readonly maxDelayMs: number;
  readonly maxEventBytes: number;
  readonly observers: Observers;
  /** The limit of this process. */
  readonly processGate: Gate;
  /** `undefined` if nobody wants to know. */
  readonly settled: Settled | undefined;
  readonly signals: AbortSignals;
  /** The time limits of the attempts that run. */
  readonly timers: Set<ReturnType<typeof setTimeout>>;
  readonly storage: ContextStorage | undefined;
}

const toAttemptError = (error: unknown): AttemptError => {
  const { errorType, errorMessage } = describeError(error);
  return { name: errorType, message: errorMessage };
};

const isAttempt = (attempt: number) => Number.isInteger(attempt) && attempt > 0;

export const createDeliver = (parts: DeliverParts, consumer: RunningConsumer): Deliver => {
  const {
    owner,
    activity,
    attemptFailed,
    log,
    maxDelayMs,
    maxEventBytes,
    observers,
    processGate,
    settled,
    signals,
    timers,
    storage,
  } = parts;
  const { handler, settings, isOfSeveral, names } = consumer;
  const { maxAttempts, timeoutMs, concurrency, order } = settings;
  const attemptParts = { signals, consumer: `${owner}/${consumer.consumer}`, log: log.write };
  let hasWarned = false;
  /** When an event that is not consumed here came first. */
  const firstSeen = new Map<string, number>();
  const stored = storage
    ? (payload: unknown, context: ConsumerContext) => storage.run(context as never, () => handler(payload, context))
    : handler;
  const call = observers.handle(stored as never, consumer.consumer) as unknown as AnyConsumerHandler;

  /** @param startedAt when the handler was called, by the clock of `performance` */
  const tell = (
    outcome: ObservedOutcome['outcome'],
    attempt: number,
    event?: ReceivedEnvelope,
    startedAt?: number,
    reason?: string,
  ): void =>
    settled?.({
      consumer: consumer.consumer,
      name: event?.name,
      id: event?.id,
      attempt,
      outcome,
      reason,
      durationMs: startedAt === undefined ? undefined : performance.now() - startedAt,
    });

  const dead = (
    reason: string,
    attempt: number,
    error: unknown,
    event?: ReceivedEnvelope,
    startedAt?: number,
  ): Outcome => {
    tell('dead', attempt, event, startedAt, reason);
    const { errorType, errorMessage } = describeError(error);
    log.write('error', 'event_dead_lettered', {
      eventName: event?.name,
      eventId: event?.id,
      consumer: consumer.consumer,
      attempt,
      reason,
      errorType,
      errorMessage,
      error,
    });
    return { is: 'dead', reason, attempt, error: toAttemptError(error) };
  };

  const retry = (event: ReceivedEnvelope, attempt: number, error: unknown, startedAt: number | undefined): Outcome => {
    const reason = 'handler_failed';
    if (attempt >= maxAttempts) return dead(reason, attempt, error, event, startedAt);
    tell('retry', attempt, event, startedAt, reason);
    const afterMs = Math.min(retryDelay(settings, attempt), maxDelayMs);
    const { name: eventName, id: eventId } = event;
    log.write('debug', 'event_retried', { eventName, eventId, consumer: consumer.consumer, attempt, reason, afterMs });
    return { is: 'retry', attempt: attempt + 1, afterMs, error: toAttemptError(error) };
  };

  /** The same attempt, a little later, in whichever process has room then. */
  const elsewhere = (event: ReceivedEnvelope, attempt: number, message: string): Outcome => {
    tell('returned', attempt, event);
    return { is: 'retry', attempt, afterMs: ELSEWHERE_AFTER_MS, error: { name: 'Error', message } };
  };

  const leftHere = (event: ReceivedEnvelope, attempt: number): Outcome =>
    elsewhere(event, attempt, `${consumer.consumer} no longer consumes here`);

  const full = (event: ReceivedEnvelope, attempt: number): Outcome =>
    elsewhere(event, attempt, `${consumer.consumer} has ${concurrency} handlers whose time is over`);

  /** What becomes of it is decided by whoever has it now. */
  const lost = (attempt: number, event?: ReceivedEnvelope, startedAt?: number): Outcome => {
    tell('lost', attempt, event, startedAt);
    return DONE;
  };

  /** A process of another version consumes it, or it waited from before the consumer has moved to another event. */
  const notConsumed = (event: ReceivedEnvelope, attempt: number): Outcome => {
    const message = `${consumer.consumer} does not consume ${event.name} here`;
    // The time of a foreign event may be missing, or be in the future.
    const identity = JSON.stringify([event.source, event.id]);
    const since = Math.min(event.occurredAt.getTime(), firstSeen.get(identity) ?? Date.now());
    firstSeen.delete(identity);
    if (Date.now() - since >= NOT_CONSUMED_MS) return dead('not_consumed', attempt, new Error(message), event);
    firstSeen.set(identity, since);
    const [oldest] = firstSeen.keys();
    if (firstSeen.size > MAX_FIRST_SEEN && oldest !== undefined) firstSeen.delete(oldest);
    return elsewhere(event, attempt, message);
  };

  const failed = (
    event: ReceivedEnvelope,
    context: ConsumerContext,
    error: unknown,
    startedAt: number | undefined,
  ): Outcome => {
    const { attempt } = context;
    consumer.lastFailureAt = Date.now();
    consumer.lastError = toAttemptError(error);
    const failure = Object.freeze({ handlerName: consumer.consumer, error });
    log.handlerFailed(context, event.payload, failure, { consumer: consumer.consumer, attempt });
    attemptFailed({ eventName: event.name, handlerName: consumer.consumer, error });
    if (isNonRetryable(error)) return dead('non_retryable', attempt, error, event, startedAt);
    return retry(event, attempt, error, startedAt);
  };

  /** Runs the handler once. Calls back with nothing or with what failed; after its time the handler counts as abandoned. */
  const run = (
    event: ReceivedEnvelope,
    number: number,
    delivery: Delivery,
    ended: (context: ConsumerContext, error?: Failed) => void,
  ): void => {
    const attempt = createAttempt(attemptParts, delivery.signal);
    const context = createConsumerContext(event, number, attempt);
    const payload = isOfSeveral ? { name: event.name, payload: event.payload } : event.payload;
    const begunAt = performance.now();
    let isOver = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stopTimer = () => {
      if (!timer) return;
      clearTimeout(timer);
      timers.delete(timer);
    };
    const expire = () => {
      stopTimer();
      isOver = true;
      consumer.abandoned++;
      consumer.abandonedChanged();
      const message = `${consumer.consumer} took longer than ${timeoutMs} ms`;
      const error = createError('timeout', message, { name: 'TimeoutError' });
      attempt.abort(error);
      ended(context, { thrown: error });
    };
    /** Called when something is still to be waited for: what has ended when the handler returns needs no timer. */
    const limitTime = () => {
      if (timer) return;
      timer = setTimeout(expire, Math.max(1, timeoutMs - (performance.now() - begunAt)));
      timers.add(timer);
    };
    const end = (error?: Failed) => {
      stopTimer();
      attempt.end();
      if (!isOver) {
        ended(context, error);
        return;
      }
      consumer.abandoned--;
      consumer.abandonedChanged();
      if (!error) return;
      const failure = { handlerName: consumer.consumer, error: error.thrown };
      log.handlerFailedLate(context, failure, { consumer: consumer.consumer, attempt: number });
    };
    const done = () => {
      // Publishes that the handler did not await belong to the attempt all the same.
      const published = attempt.published();
      if (!published) {
        end();
        return;
      }
      limitTime();
      void published.then((error) => end(error && { thrown: error }));
    };
    const fail = (error: unknown) => end({ thrown: error });
    try {
      const returned = call(payload, context);
      if (!isObject(returned)) {
        done();
        return;
      }
      limitTime();
      whenSettled(returned, done, fail);
    } catch (error) {
      fail(error);
    }
  };

  /** Runs one attempt; `settle` gets what is to become of the delivery. */
  const handle = (
    event: ReceivedEnvelope,
    number: number,
    delivery: Delivery,
    settle: (outcome: Outcome) => void,
  ): void => {
    consumer.running++;
    consumer.lastDeliveryAt = Date.now();
    const startedAt = settled && performance.now();
    const outcomeOf = (context: ConsumerContext, error: Failed | undefined): Outcome => {
      if (delivery.signal.aborted) return lost(number, event, startedAt);
      if (error) return failed(event, context, error.thrown, startedAt);
      tell('done', number, event, startedAt);
      return DONE;
    };
    const ended = (context: ConsumerContext, error?: Failed) => {
      consumer.running--;
      settle(outcomeOf(context, error));
    };
    if (!observers.deliver) {
      run(event, number, delivery, ended);
      return;
    }
    const seen = { name: event.name, id: event.id, metadata: event.metadata, attempt: number };
    const running = observers.deliver(
      seen,
      () =>
        new Promise<void>((resolve, reject) => {
          run(event, number, delivery, (context, error) => {
            ended(context, error);
            if (error) reject(error.thrown);
            else resolve();
          });
        }),
    );
    // The outcome is known by then. The observers were told of the failure.
    running.catch(() => {});
  };

  const start = (delivery: Delivery, settle: (outcome: Outcome) => void): void => {
    const number = isAttempt(delivery.attempt) ? delivery.attempt : 1;
    if (delivery.signal.aborted) {
      settle(lost(number));
      return;
    }
    const body: unknown = delivery.body;
    if (typeof body !== 'string' && !(body instanceof Uint8Array)) {
      settle(dead('undecodable', number, new TypeError(`The body is neither text nor bytes, but ${typeof body}`)));
      return;
    }
    const size = Buffer.byteLength(body);
    if (size > maxEventBytes) {
      settle(dead('too_large', number, new Error(`${size} bytes, and maxEventBytes is ${maxEventBytes}`)));
      return;
    }
    const event = open(body, delivery.attributes);
    if ('reason' in event) {
      settle(dead(event.reason, number, new Error(event.message)));
      return;
    }
    if ((delivery.deliveries ?? 1) > MAX_DELIVERIES) {
      const message = `Delivered ${delivery.deliveries} times without an outcome: its process may have died each time`;
      settle(dead('delivery_limit', number, new Error(message), event));
      return;
    }
    if (!names.has(event.name)) {
      settle(notConsumed(event, number));
      return;
    }
    if (consumer.isStopped) {
      settle(leftHere(event, number));
      return;
    }
    if (consumer.abandoned >= concurrency) {
      settle(full(event, number));
      return;
    }
    warnOfMissingKey(event, delivery.key);
    const leave = (outcome: Outcome) => {
      processGate.leave();
      settle(outcome);
    };
    const enter = () => {
      // Much may have changed while it waited for the limit of the process.
      if (delivery.signal.aborted) leave(lost(number, event));
      else if (consumer.isStopped) leave(leftHere(event, number));
      else if (consumer.abandoned >= concurrency) leave(full(event, number));
      else handle(event, number, delivery, leave);
    };
    const entering = processGate.enter();
    if (entering) void entering.then(enter);
    else enter();
  };

  /** @param given the key that the transport orders by, which foreign producers may keep out of the body */
  const warnOfMissingKey = ({ name, id, key }: ReceivedEnvelope, given: string | undefined): void => {
    if (order !== 'key' || (key ?? given) !== undefined || hasWarned) return;
    hasWarned = true;
    log.write('warn', 'event_key_missing', { eventName: name, eventId: id, consumer: consumer.consumer });
  };

  return (delivery) =>
    new Promise((resolve) => {
      activity.start();
      const settle = (outcome: Outcome) => {
        resolve(outcome);
        activity.end();
      };
      try {
        start(delivery, settle);
      } catch (error) {
        // What a transport must not deliver.
        settle(dead('undecodable', 1, error));
      }
    });
};
