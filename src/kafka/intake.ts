import { addLast, createFifo, type Fifo, firstOf, sizeOf, takeFirst } from '../shared/fifo.ts';
import type { Deliver, Delivery, Outcome } from '../transport/index.ts';
import { type InHand, isSuspected, type Position } from './position.ts';

export type Retry = Extract<Outcome, { is: 'retry' }>;
export type Dead = Extract<Outcome, { is: 'dead' }>;

/** An event of a partition on its way through this process. */
export interface Job {
  readonly position: Position;
  readonly inHand: InHand;
  readonly key: string | undefined;
  readonly body: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  readonly attributes: Readonly<Record<string, string>> | undefined;
  attempt: number;
  /** How often this attempt was delivered, as far as it is known. */
  deliveries: number;
}

/** What became of an outcome. `wait`: the broker has refused it as too large, so it waits in this process. */
export type CarriedOut = 'safe' | 'wait';

export interface IntakeParts {
  readonly concurrency: number;
  /** Whether a retry holds its key. */
  readonly ordersByKey: boolean;
  readonly deliver: Deliver;
  /** Makes an outcome safe. Rejects only when the partition is lost, or the connection is closed. */
  readonly carryOut: (job: Job, outcome: Retry | Dead) => Promise<CarriedOut>;
  readonly isMine: () => boolean;
  /** Resolves when it is noted that an event is delivered alone. */
  readonly mark: (job: Job) => Promise<void>;
  /** Called when an event needs nothing any more. */
  readonly finished: (job: Job, outcome: Outcome) => void;
  /** Called when there is room for more again. */
  readonly roomy: () => void;
}

/** Of so many events that can start, no more are read. */
const ENOUGH = 500;
/** After so long a dead letter that was refused is written again. */
const REFUSED_MS = 1_000;

/** Starts deliveries, as many as there may be at once, and carries their outcomes out. */
export const createIntake = (parts: IntakeParts) => {
  const { concurrency, ordersByKey, deliver, carryOut, isMine, mark, finished, roomy } = parts;
  const ready = createFifo<Job>();
  /** What waits behind an event of its key that runs or waits, by partition. */
  const keys = new WeakMap<Position, Map<string, Fifo<Job>>>();
  const timers = new Map<ReturnType<typeof setTimeout>, Job>();
  /** Events that are handled one after another, each alone: one of them may kill the process. */
  const suspects = createFifo<Job>();
  let running = 0;
  let isAlone = false;
  let isFull = false;
  let isHeld = true;
  let isStopped = false;
  let idle: (() => void)[] = [];

  const isLost = ({ position }: Job) => position.lost.signal.aborted;

  const keysOf = (position: Position): Map<string, Fifo<Job>> => {
    const known = keys.get(position) ?? new Map<string, Fifo<Job>>();
    keys.set(position, known);
    return known;
  };
  const add = (job: Job): void => {
    if (!ordersByKey || job.key === undefined) {
      addLast(ready, job);
      return;
    }
    const behind = keysOf(job.position).get(job.key);
    if (behind) addLast(behind, job);
    else {
      keysOf(job.position).set(job.key, createFifo());
      addLast(ready, job);
    }
  };
  const freeKey = ({ position, key }: Job): void => {
    if (!ordersByKey || key === undefined) return;
    const behind = keysOf(position).get(key);
    const next = behind && takeFirst(behind);
    if (next) addLast(ready, next);
    else keysOf(position).delete(key);
  };

  /** Calls back when the time is over, unless the partition is lost or the consumer stops. */
  const later = (job: Job, delayMs: number, call: () => void): void => {
    if (isStopped) return;
    const timer = setTimeout(() => {
      timers.delete(timer);
      if (!isLost(job)) call();
      pump();
    }, delayMs);
    timers.set(timer, job);
  };
  const waitForRetry = (job: Job, { attempt, afterMs }: Retry): void => {
    job.attempt = attempt;
    job.deliveries = 1;
    later(job, afterMs, () => addLast(ready, job));
  };

  const finish = (job: Job, outcome: Outcome): void => {
    job.inHand.isDone = true;
    freeKey(job);
    finished(job, outcome);
  };
  /** Writes what an outcome asks for, before the event needs nothing any more. */
  const settle = async (job: Job, outcome: Retry | Dead): Promise<void> => {
    const holdsKey = ordersByKey && job.key !== undefined;
    if (outcome.is === 'retry' && holdsKey) {
      waitForRetry(job, outcome);
      return;
    }
    const how = await carryOut(job, outcome);
    if (isLost(job)) return;
    if (how === 'safe') finish(job, outcome);
    else if (outcome.is === 'retry') waitForRetry(job, outcome);
    // It holds no other event up meanwhile. `carryOut` rejects when the partition is lost.
    else later(job, REFUSED_MS, () => void settle(job, outcome).then(pump, () => {}));
  };

  const toDelivery = ({ body, headers, key, attributes, attempt, deliveries, position }: Job): Delivery => ({
    body,
    headers,
    key,
    attributes,
    attempt,
    deliveries,
    signal: position.lost.signal,
  });
  const run = async (job: Job): Promise<void> => {
    running++;
    try {
      const outcome = await deliver(toDelivery(job));
      if (isLost(job) || !isMine()) return;
      // Most events, so they take the shortest way.
      if (outcome.is === 'done') finish(job, outcome);
      else await settle(job, outcome);
    } catch {
      // The partition was lost: its next owner has the event.
    } finally {
      running--;
      if (running === 0) for (const wake of idle) wake();
      if (running === 0) idle = [];
      pump();
    }
  };

  const runAlone = async (job: Job): Promise<void> => {
    isAlone = true;
    await mark(job);
    isAlone = false;
    // Nothing else was started meanwhile.
    if (isLost(job) || isStopped) pump();
    else await run(job);
  };
  /** One that may start now. */
  const nextJob = (): Job | undefined => {
    if (isAlone) return undefined;
    const suspect = firstOf(suspects);
    if (suspect && !isSuspected(suspect.position, suspect.inHand.offset)) return takeFirst(suspects);
    for (let job = takeFirst(ready); job; job = takeFirst(ready)) {
      if (isLost(job)) continue;
      if (!isSuspected(job.position, job.inHand.offset)) return job;
      addLast(suspects, job);
    }
    return running === 0 ? takeFirst(suspects) : undefined;
  };
  const pump = (): void => {
    while (!isHeld && !isStopped && running < concurrency) {
      const job = nextJob();
      if (!job) break;
      if (isLost(job)) continue;
      if (!isSuspected(job.position, job.inHand.offset)) void run(job);
      else {
        void runAlone(job);
        break;
      }
    }
    const wasFull = isFull;
    isFull = !hasRoom();
    if (wasFull && !isFull) roomy();
  };
  const hasRoom = () => !isStopped && sizeOf(ready) < ENOUGH;

  /** Takes an event that was read. It starts when its time has come. */
  const take = (job: Job, waitMs: number): void => {
    if (waitMs > 0) later(job, waitMs, () => add(job));
    else add(job);
  };
  const hold = (): void => {
    isHeld = true;
  };
  const release = (): void => {
    isHeld = false;
    pump();
  };
  /** Forgets what waits for its time in partitions that are lost. */
  const forgetLost = (): void => {
    for (const [timer, job] of timers) {
      if (!isLost(job)) continue;
      clearTimeout(timer);
      timers.delete(timer);
    }
  };
  const stop = (): void => {
    isStopped = true;
    for (const timer of timers.keys()) clearTimeout(timer);
    timers.clear();
  };
  /** Resolves when no delivery is open. */
  const untilIdle = async (): Promise<void> => {
    if (running > 0) await new Promise<void>((resolve) => idle.push(resolve));
  };

  return { take, pump, hold, release, forgetLost, stop, hasRoom, untilIdle };
};
