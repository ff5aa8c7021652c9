import type { EventBusErrorCode, ObservedOutcome, Observer, PublishResult } from '../bus/types.ts';
import { check, readOptions } from '../shared/check.ts';
import type {
  ConnectionNow,
  ConsumerCounts,
  ConsumerNow,
  CountedBus,
  Counts,
  CountsOptions,
  CountsSnapshot,
} from './counts-types.ts';
import { DEAD_REASONS } from './dead-reasons.ts';
import { createDurations } from './durations.ts';
import { LOG_LINES } from './log-lines.ts';
import { createTally } from './tally.ts';
import type { ConsumerHealth, ServiceHealth } from './types.ts';

const BUCKETS_MS = [1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000];

// A count that appears with its first event is not seen to rise. So all of them are there from the beginning, with 0.
const PUBLISH_CODES: Readonly<Record<Exclude<EventBusErrorCode, NotOfPublish>, true>> = {
  closed: true,
  invalid_name: true,
  invalid_options: true,
  too_deep: true,
  not_serializable: true,
  too_large: true,
  transport_unavailable: true,
  publish_timeout: true,
  session_unsupported: true,
};
type NotOfPublish = 'timeout' | 'handler_failed' | 'buffer_full';

/** A member that is `undefined` is left out, as JSON does it. */
const given = <Name extends string, Value>(name: Name, value: Value | undefined): { readonly [Key in Name]?: Value } =>
  value === undefined ? {} : ({ [name]: value } as { readonly [Key in Name]: Value });

/** What the attempts of one consumer came to. */
const createConsumerCounts = (bucketsMs: readonly number[]) => {
  const dead = createTally(DEAD_REASONS);
  const durations = createDurations(bucketsMs);
  let [handled, failed, retried, returned, lost] = [0, 0, 0, 0, 0];

  const add = ({ outcome, reason = '', durationMs }: ObservedOutcome): void => {
    if (outcome === 'lost') lost++;
    else if (outcome === 'returned') returned++;
    else if (outcome === 'done') handled++;
    else if (outcome === 'retry') retried++;
    else dead.add(reason);
    // An event that cannot be read is a dead letter without an attempt.
    if (durationMs === undefined || outcome === 'lost') return;
    durations.add(durationMs);
    if (outcome !== 'done') failed++;
  };
  const read = (now: ConsumerNow | undefined, waiting: number | undefined): ConsumerCounts => ({
    handled,
    failed,
    retried,
    dead: dead.read(),
    returned,
    lost,
    durations: durations.read(),
    ...given('waiting', waiting),
    ...given('now', now),
  });
  return { add, read };
};

const toConsumerNow = (health: ConsumerHealth): ConsumerNow => ({
  inForce: health.inForce,
  inHand: health.running,
  abandoned: health.abandoned,
  ...given('lastDeliveryAtMs', health.lastDeliveryAt?.getTime()),
  ...given('lastFailureAtMs', health.lastFailureAt?.getTime()),
});

const toConnectionNow = ({ connected, since, reconnects, lastConfirmAt }: ServiceHealth): ConnectionNow => ({
  connected,
  sinceMs: since.getTime(),
  ...given('reconnects', reconnects),
  ...given('lastConfirmAtMs', lastConfirmAt?.getTime()),
});

/** @throws TypeError for a bad list */
const checkBuckets = (bucketsMs: readonly number[]): void => {
  bucketsMs.forEach((bucketMs, index) => {
    const what = `counts options.bucketsMs[${index}]`;
    check(what, bucketMs, 'positive number');
    if (index === 0 || bucketMs > Number(bucketsMs[index - 1])) return;
    throw new TypeError(`[mapbus] ${what}: expected more than the one before, got ${bucketMs}`);
  });
};

/**
 * Counts what a bus does, for metrics: an observer, and a function that reads the counts. It serves an event bus too, which
 * has no consumers.
 * @throws TypeError for a bad option
 * @example
 * const numbers = counts();
 * const bus = createServiceBus<AppEvents>({ service: 'shop', transport, sends: 'all', observers: [numbers.observer] });
 * numbers.snapshot(bus).consumers['charge-card']?.handled;
 */
export const counts = (options: CountsOptions = {}): Counts => {
  const { bucketsMs = BUCKETS_MS } = readOptions('counts options', options, { bucketsMs: 'array' });
  checkBuckets(bucketsMs);
  const countedSinceMs = Date.now();
  const published = createTally();
  const publishFailed = createTally(Object.keys(PUBLISH_CODES));
  const publishDurations = createDurations(bucketsMs);
  const handlerFailed = createTally();
  const lines = createTally(LOG_LINES);
  const consumers = new Map<string, ReturnType<typeof createConsumerCounts>>();
  let publishesInHand = 0;
  let handled = 0;

  const publishEnded = (name: string, startedAt: number, { error, handlerCount, failures }: PublishResult): void => {
    publishesInHand--;
    publishDurations.add(performance.now() - startedAt);
    if (error) publishFailed.add(error.code);
    else published.add(name);
    handled += handlerCount - failures.length;
    for (const { handlerName } of failures) handlerFailed.add(handlerName);
  };
  const consumerOf = (consumer: string) => {
    const known = consumers.get(consumer);
    if (known) return known;
    const created = createConsumerCounts(bucketsMs);
    consumers.set(consumer, created);
    return created;
  };
  const observer: Observer = {
    publish: ({ name }, run) => {
      const startedAt = performance.now();
      publishesInHand++;
      void run().then((result) => publishEnded(name, startedAt, result));
    },
    settle: (settled) => consumerOf(settled.consumer).add(settled),
    log: (level, message) => {
      if (level !== 'debug') lines.add(message);
    },
  };

  const snapshot = (bus?: CountedBus, waiting: Readonly<Record<string, number>> = {}): CountsSnapshot => {
    const health = bus?.health();
    const registered = new Map(health?.consumers.map((one) => [one.consumer, one]));
    const read = (consumer: string): readonly [string, ConsumerCounts] => {
      const found = registered.get(consumer);
      return [consumer, consumerOf(consumer).read(found && toConsumerNow(found), waiting[consumer])];
    };
    // One that no process runs may have the most to do.
    const names = new Set([...registered.keys(), ...consumers.keys(), ...Object.keys(waiting)]);
    return {
      countedSinceMs,
      publishes: {
        published: published.read(),
        failed: publishFailed.read(),
        durations: publishDurations.read(),
        inHand: publishesInHand,
      },
      handlers: { handled, failed: handlerFailed.read() },
      consumers: Object.fromEntries([...names].map(read)),
      lines: lines.read(),
      ...(health && { connection: toConnectionNow(health) }),
    };
  };
  return { observer, snapshot };
};
