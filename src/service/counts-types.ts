import type { Observer } from '../bus/types.ts';
import type { ServiceHealth } from './types.ts';

/** How long something took, how often. */
export interface DurationCounts {
  readonly count: number;
  /** All durations together, in milliseconds. */
  readonly sumMs: number;
  /** How many took `upToMs` at most, the shortest first. The few that took longer than the last are in `count` alone. */
  readonly buckets: readonly { readonly upToMs: number; readonly count: number }[];
}

/** What one consumer did in this process. */
export interface ConsumerCounts {
  /** Attempts that succeeded. */
  readonly handled: number;
  /** Attempts that failed: those that are tried again, and those that were the last. */
  readonly failed: number;
  /** Attempts that failed and are tried again. */
  readonly retried: number;
  /** Dead letters, by their reason. All reasons are there from the beginning, with 0. */
  readonly dead: Readonly<Record<string, number>>;
  /** Deliveries that this process could not take, and gave back. */
  readonly returned: number;
  /** Deliveries that another process had by the time their attempt ended. */
  readonly lost: number;
  /** Of the attempts that succeeded or failed. */
  readonly durations: DurationCounts;
  /** How many events wait for it at the broker, retries included. Missing if `snapshot` was not told. */
  readonly waiting?: number | undefined;
  /** The rest comes from `health()`, and is missing while the consumer is not registered here. */
  readonly now?: ConsumerNow | undefined;
}

/** How a consumer does at the moment. */
export interface ConsumerNow {
  readonly inForce: boolean;
  /** Handlers that run, without those whose time is over. */
  readonly inHand: number;
  /** Handlers that run although their time is over. */
  readonly abandoned: number;
  /** Milliseconds since 1970. */
  readonly lastDeliveryAtMs?: number | undefined;
  /** Milliseconds since 1970. */
  readonly lastFailureAtMs?: number | undefined;
}

/** How the connection of the transport does. */
export interface ConnectionNow {
  readonly connected: boolean;
  /** Since when it is connected, or not. Milliseconds since 1970. */
  readonly sinceMs: number;
  readonly reconnects?: number | undefined;
  /** When the transport has last taken an event from here. Milliseconds since 1970. */
  readonly lastConfirmAtMs?: number | undefined;
}

/** What was counted so far: plain data that JSON carries. */
export interface CountsSnapshot {
  /** When each count was 0. Milliseconds since 1970. */
  readonly countedSinceMs: number;
  readonly publishes: {
    /** By event name. More than 1,000 names are counted as `(other)`. */
    readonly published: Readonly<Record<string, number>>;
    /** By the code of the error. All codes are there from the beginning, with 0. */
    readonly failed: Readonly<Record<string, number>>;
    /** From the call of `publish` until its result: until the local handlers have ended and the transport has the event. */
    readonly durations: DurationCounts;
    readonly inHand: number;
  };
  /** The handlers of `subscribe`. */
  readonly handlers: {
    /** Calls that succeeded. */
    readonly handled: number;
    /** Calls that failed, by the name of the handler. */
    readonly failed: Readonly<Record<string, number>>;
  };
  readonly consumers: Readonly<Record<string, ConsumerCounts>>;
  /** Warnings and errors of the log, by their message. Those that mapbus can write are there from the beginning, with 0. */
  readonly lines: Readonly<Record<string, number>>;
  readonly connection?: ConnectionNow | undefined;
}

/** How `counts` counts. */
export interface CountsOptions {
  /**
   * The upper ends of the buckets of durations in milliseconds, the shortest first.
   * @default 1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000
   */
  readonly bucketsMs?: readonly number[] | undefined;
}

/** What `snapshot` reads of a service bus. */
export interface CountedBus {
  readonly health: () => ServiceHealth;
}

/** An observer that counts, and what it has counted. */
export interface Counts {
  /** For the option `observers` of one bus. */
  readonly observer: Observer;
  /**
   * What was counted so far. It asks no broker, so it is cheap.
   * @param bus the service bus, for what is so at the moment: what is in hand, abandoned, connected
   * @param waiting what `bus.waiting()` has told: how many events wait for each consumer at the broker
   */
  readonly snapshot: (bus?: CountedBus, waiting?: Readonly<Record<string, number>>) => CountsSnapshot;
}
