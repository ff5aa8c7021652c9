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
}

const deliveryOf = ({ claimed, lost }: OpenDelivery) => ({
  body: claimed.body,
  headers: JSON.parse(claimed.headers),
  key: claimed.key === null ? undefined : unescapeZero(claimed.key),
  attempt: claimed.attempt,
  deliveries: claimed.deliveries,
  signal: lost.signal,
});

/** A consumer that runs in this process: gives it what was taken for it, one event of a key at a time. */
export const createReceiver = ({ spec, registration, deliver, decided, release }: ReceiverParts) => {
  /** What waits for an event of the same key. */
  const behind = new Map<string, OpenDelivery[]>();
  let running = 0;
  let isStopped = false;

  const waitingCount = () => [...behind.values()].reduce((sum, { length }) => sum + length, 0);

  const releaseBehind = (keyHash: string): void => {
    for (const delivery of behind.get(keyHash) ?? []) release(delivery);
    behind.delete(keyHash);
  };
  const startNext = (keyHash: string | undefined, outcome: Outcome | undefined): void => {
    if (keyHash === undefined) return;
    // A retry holds its key, and what was lost is handled by another process.
    if (outcome === undefined || outcome.is === 'retry' || isStopped) {
      releaseBehind(keyHash);
      return;
    }
    const next = behind.get(keyHash)?.shift();
    if (next) void start(next);
    else behind.delete(keyHash);
  };
  const start = async (delivery: OpenDelivery): Promise<void> => {
    const { keyHash } = delivery.claimed;
    if (delivery.lost.signal.aborted) {
      startNext(keyHash, undefined);
      return;
    }
    delivery.isSeen = true;
    running++;
    const outcome = await outside(() => deliver(deliveryOf(delivery)));
    running--;
    const isOurs = !delivery.lost.signal.aborted;
    if (isOurs) decided(delivery, outcome);
    startNext(keyHash, isOurs ? outcome : undefined);
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
      return;
    }
    if (keyHash !== undefined) behind.set(keyHash, []);
    void start(delivery);
  };
  const stop = (): void => {
    isStopped = true;
    for (const keyHash of [...behind.keys()]) {
      for (const delivery of behind.get(keyHash) ?? []) release(delivery);
      behind.set(keyHash, []);
    }
  };
  return {
    registration,
    floor: '0',
    room: () => (isStopped ? 0 : spec.concurrency - running - waitingCount()),
    isStopped: () => isStopped,
    take,
    stop,
  };
};

export type Receiver = ReturnType<typeof createReceiver>;
