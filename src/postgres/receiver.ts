import { outside } from '../service/outside.ts';
import type { ConsumerSpec, Deliver, Outcome } from '../transport/index.ts';
import { unescapeZero } from './as-text.ts';
import type { OpenDelivery } from './open-deliveries.ts';

/** What a consumer is in the tables. */
export interface Registration {
  readonly consumer: string;
  /** One for each of its events. */
  readonly subscriptions: readonly string[];
}

interface ReceiverParts {
  readonly spec: ConsumerSpec;
  /** May change: a consumer that was removed while the database was away is registered again. */
  readonly registration: () => Registration | undefined;
  readonly deliver: Deliver;
  readonly decided: (delivery: OpenDelivery, outcome: Outcome) => void;
  readonly release: (delivery: OpenDelivery) => void;
  /** Called when there may be something to take now that could not be taken before: a key is free, or nothing is held. */
  readonly more: () => void;
}

/** A consumer takes ahead what it handles in so many milliseconds: its handlers do not wait for the database then. */
const AHEAD_MS = 100;
const MAX_AHEAD = 500;

const deliveryOf = ({ claimed, lost }: OpenDelivery) => ({
  body: claimed.body,
  headers: JSON.parse(claimed.headers),
  key: claimed.key === null ? undefined : unescapeZero(claimed.key),
  attempt: claimed.attempt,
  deliveries: claimed.deliveries,
  signal: lost.signal,
});

/** A consumer that runs in this process: gives it what was taken for it, one event of a key at a time. */
export const createReceiver = ({ spec, registration, deliver, decided, release, more }: ReceiverParts) => {
  const { concurrency } = spec;
  /** What waits for an event of the same key. */
  const behind = new Map<string, OpenDelivery[]>();
  /** What waits for a handler to end. */
  let ready: OpenDelivery[] = [];
  let running = 0;
  let behindCount = 0;
  let isStopped = false;
  /** How much may wait for a handler to end. */
  let ahead = 0;
  let measuredAt = performance.now();
  let endedCount = 0;

  const heldCount = () => running + ready.length + behindCount;

  const releaseBehind = (keyHash: string): void => {
    const others = behind.get(keyHash) ?? [];
    behindCount -= others.length;
    for (const delivery of others) release(delivery);
    behind.delete(keyHash);
  };
  const freeKey = (keyHash: string | undefined, outcome: Outcome | undefined): void => {
    if (keyHash === undefined) return;
    // A retry holds its key, and what was lost is handled by another process.
    if (outcome === undefined || outcome.is === 'retry' || isStopped) {
      releaseBehind(keyHash);
      return;
    }
    const next = behind.get(keyHash)?.shift();
    if (next) {
      behindCount--;
      ready.push(next);
      return;
    }
    behind.delete(keyHash);
    more();
  };
  const start = async (delivery: OpenDelivery): Promise<void> => {
    const { keyHash } = delivery.claimed;
    if (delivery.lost.signal.aborted) {
      freeKey(keyHash, undefined);
      return;
    }
    delivery.isSeen = true;
    running++;
    const outcome = await outside(() => deliver(deliveryOf(delivery)));
    running--;
    endedCount++;
    const isOurs = !delivery.lost.signal.aborted;
    if (isOurs) decided(delivery, outcome);
    freeKey(keyHash, isOurs ? outcome : undefined);
    startReady();
    if (heldCount() === 0) more();
  };
  const startReady = (): void => {
    while (running < concurrency) {
      const next = ready.shift();
      if (!next) return;
      void start(next);
    }
  };
  const take = (delivery: OpenDelivery): void => {
    const { keyHash } = delivery.claimed;
    if (isStopped) {
      release(delivery);
      return;
    }
    const others = keyHash === undefined ? undefined : behind.get(keyHash);
    if (others) {
      others.push(delivery);
      behindCount++;
      return;
    }
    if (keyHash !== undefined) behind.set(keyHash, []);
    ready.push(delivery);
    startReady();
  };
  const stop = (): void => {
    isStopped = true;
    for (const delivery of ready) release(delivery);
    ready = [];
    for (const keyHash of [...behind.keys()]) {
      releaseBehind(keyHash);
      behind.set(keyHash, []);
    }
  };
  /** Looks how fast the handlers are. A slow consumer takes nothing that another process could handle. */
  const measure = (): void => {
    const now = performance.now();
    // In a short time, the last events of a slow consumer would look like many a second.
    if (now - measuredAt < AHEAD_MS && endedCount < 2 * concurrency) return;
    const pace = endedCount / Math.max(1, now - measuredAt);
    ahead = Math.min(MAX_AHEAD, Math.floor(Math.max(pace * AHEAD_MS, ahead / 2)));
    measuredAt = now;
    endedCount = 0;
  };
  /** Keys that wait for a handler leave room for other keys, but not for ever. */
  const room = (): number =>
    isStopped
      ? 0
      : Math.max(0, Math.min(concurrency + ahead - running - ready.length, concurrency + MAX_AHEAD - heldCount()));
  return {
    registration,
    floor: '0',
    room,
    measure,
    /** Whether handlers would wait soon. */
    isHungry: () => ready.length <= ahead / 2 && room() > 0,
    isStopped: () => isStopped,
    take,
    stop,
  };
};

export type Receiver = ReturnType<typeof createReceiver>;
