import { sleep } from '../shared/sleep.ts';
import { within } from '../shared/time-limit.ts';
import type { ConnectionContext, ConsumerSpec, Deliver, Outcome, Receiving } from '../transport/index.ts';
import { createAlarm } from './alarm.ts';
import {
  type Claim,
  claimedOf,
  claimStatement,
  claimStatementValues,
  claimValues,
  floorsOf,
} from './claim-statement.ts';
import type { Row, Value } from './database.ts';
import type { Hints } from './hints.ts';
import { createOpenDeliveries, identityOf, type OpenDelivery } from './open-deliveries.ts';
import { renewStatement } from './outcome-statements.ts';
import { createOutcomes } from './outcomes.ts';
import { createReceiver, type Receiver, type Registration } from './receiver.ts';
import type { Tables } from './tables.ts';

/** All rows are looked at so often, and for a tenth of the time at most; else only those from the first known one on. */
const FULL_SCAN_MS = 1_000;
const FULL_SCAN_PART = 10;
/** After trouble with the database. */
const PAUSE_MS = 500;
/** Another process has locked an earlier row of a key. */
const WITHHELD_MS = 20;
/** What is done waits so long for others that are done, unless a handler waits for work. */
const GATHER_MS = 20;
/** How long a close tries to carry out what was decided. */
const CLOSE_MS = 4_000;

interface ReceivingParts {
  readonly tables: Tables;
  readonly query: (text: string, values: readonly Value[]) => Promise<readonly Row[]>;
  readonly hints: Hints;
  readonly report: ConnectionContext['report'];
  readonly leaseMs: number;
  readonly pollMs: number;
}

/** Receives for all consumers of a process, in one loop: it takes one connection, and one statement for all of them. */
export const createReceiving = ({ tables, query, hints, report, leaseMs, pollMs }: ReceivingParts) => {
  const statements = { claim: claimStatement(tables), renew: renewStatement(tables) };
  const outcomes = createOutcomes(tables, query);
  const deliveries = createOpenDeliveries(leaseMs);
  const receivers = new Set<Receiver>();
  const alarm = createAlarm();
  const timers = new Set<ReturnType<typeof setTimeout>>();
  let scannedAt = Number.NEGATIVE_INFINITY;
  let scanMs = 0;
  let stopListening: (() => void) | undefined;
  let looping: Promise<void> | undefined;
  let closesBy: number | undefined;
  /** Rows may have been taken that are not known here yet. */
  let isStepping = false;
  /** There may be rows to take. */
  let hasMore = true;

  const wake = (): void => {
    hasMore = true;
    alarm.ring();
  };
  const wakeAfter = (delayMs: number): void => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      wake();
    }, delayMs);
    timers.add(timer);
  };
  const ended = (delivery: OpenDelivery, outcome: Outcome): void => {
    deliveries.remove(delivery);
    if (outcome.is === 'retry' && outcome.afterMs < pollMs) wakeAfter(Math.ceil(outcome.afterMs) + 1);
  };
  const decided = (delivery: OpenDelivery, outcome: Outcome): void => {
    delivery.isSettled = true;
    outcomes.add(delivery, outcome);
    alarm.ring();
  };
  const release = (delivery: OpenDelivery): void => {
    delivery.isSettled = true;
    deliveries.remove(delivery);
    outcomes.release(delivery);
    alarm.ring();
  };

  const renew = async (rows: readonly Claim[]): Promise<ReadonlySet<string>> => {
    const renewed = await query(statements.renew, [...claimValues(rows), String(leaseMs)]);
    return new Set(renewed.map(identityOf));
  };

  const claim = async (done: readonly Claim[]): Promise<void> => {
    hasMore = false;
    for (const receiver of receivers) receiver.measure();
    const active = [...receivers].flatMap((receiver) => {
      const registration = receiver.registration();
      return registration && receiver.room() > 0 ? [{ receiver, ...registration }] : [];
    });
    if (done.length === 0 && active.length === 0) return;
    const startedAt = performance.now();
    const isFull = startedAt - scannedAt >= Math.max(FULL_SCAN_MS, scanMs * FULL_SCAN_PART);
    const wanted = active.map(({ receiver, consumer }) => ({
      consumer,
      room: receiver.room(),
      floor: isFull ? '0' : receiver.floor,
    }));
    const subscriptions = active.flatMap((each) => each.subscriptions);
    const rows = await query(statements.claim, claimStatementValues(done, wanted, subscriptions, leaseMs));
    if (isFull) {
      scannedAt = performance.now();
      scanMs = scannedAt - startedAt;
      const floors = floorsOf(rows);
      for (const { receiver, consumer } of active) receiver.floor = floors.get(consumer) ?? '0';
    }
    if (rows.some(({ withheld }) => withheld === 'true')) wakeAfter(WITHHELD_MS);
    for (const claimed of claimedOf(rows)) {
      hasMore = true;
      const delivery = deliveries.add(claimed, startedAt);
      const found = active.find(({ consumer }) => consumer === claimed.consumer);
      if (found) found.receiver.take(delivery);
      else release(delivery);
    }
  };

  const step = async (): Promise<void> => {
    if (deliveries.isRenewalDue()) await deliveries.renewAll(renew);
    await outcomes.carryOutOthers(ended);
    await outcomes.carryOutDone(claim, ended);
  };

  const isOver = () => closesBy !== undefined && (outcomes.isEmpty() || performance.now() >= closesBy);
  const isUrgent = () =>
    closesBy !== undefined || outcomes.hasOthers() || (hasMore && [...receivers].some(({ isHungry }) => isHungry()));
  /** Sleeps until there is something to do, and then until it is worth a statement. */
  const rest = async (): Promise<void> => {
    const until = performance.now() + GATHER_MS;
    await alarm.sleep(deliveries.open.size > 0 ? Math.min(pollMs, leaseMs / 4) : pollMs);
    for (let leftMs = GATHER_MS; leftMs > 0 && !isUrgent(); leftMs = until - performance.now())
      await alarm.sleep(leftMs);
  };
  const loop = async (): Promise<void> => {
    while (!isOver()) {
      try {
        // What is decided in this turn goes together.
        await new Promise<void>((resolve) => setImmediate(resolve));
        isStepping = true;
        await step().finally(() => {
          isStepping = false;
        });
        if (!isOver()) await rest();
      } catch (error) {
        report('warn', 'event_transport_trouble', { error });
        await sleep(closesBy === undefined ? PAUSE_MS : PAUSE_MS / 5);
      }
    }
  };

  const receive = (spec: ConsumerSpec, registration: () => Registration | undefined, deliver: Deliver): Receiving => {
    const receiver = createReceiver({ spec, registration, deliver, decided, release, more: wake });
    receivers.add(receiver);
    // What waits already is below the floor of nobody.
    scannedAt = Number.NEGATIVE_INFINITY;
    stopListening ??= hints.listen(wake);
    looping ??= loop();
    wake();
    const stop = async () => {
      receiver.stop();
      receivers.delete(receiver);
    };
    return { stop };
  };

  /** Nothing is taken any more. */
  const stop = (): void => {
    for (const receiver of receivers) receiver.stop();
    receivers.clear();
  };
  const close = async (): Promise<void> => {
    stop();
    stopListening?.();
    const unsettled = [...deliveries.open].filter(({ isSettled }) => !isSettled);
    deliveries.close();
    for (const delivery of unsettled) outcomes.release(delivery);
    const isGivingBack = !outcomes.isEmpty();
    closesBy = performance.now() + CLOSE_MS;
    alarm.ring();
    // The database may not answer at all.
    await within(CLOSE_MS, looping ?? Promise.resolve(), () => {});
    for (const timer of timers) clearTimeout(timer);
    if (isGivingBack) hints.published(true);
  };

  return {
    receive,
    wake,
    isBusy: () => isStepping || deliveries.open.size > 0 || !outcomes.isEmpty(),
    stop,
    close,
  };
};

export type ReceivingLoop = ReturnType<typeof createReceiving>;
