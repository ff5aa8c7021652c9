import type { Activity } from '../shared/activity.ts';
import {
  addFirst,
  addLast,
  createFifo,
  empty,
  type Fifo,
  itemsOf,
  sizeOf,
  takeAny,
  takeFirst,
} from '../shared/fifo.ts';
import type { ConsumerSpec, Deliver, Message, Outcome, StoredConsumer } from '../transport/index.ts';
import { inLaterTurn } from './outside.ts';

/** What a hub does beside carrying events: nothing, or what brokers do on a bad day. */
export interface MemoryBehaviour {
  /** Milliseconds that an event is on its way to a consumer. */
  readonly delayMs: () => number;
  /** Whether an event comes twice. */
  readonly isDuplicated: () => boolean;
  /** What a publish fails with, and whether the event was taken all the same. */
  readonly publishFault: () => { readonly error: Error; readonly isTaken: boolean } | undefined;
  /** Milliseconds until the process of this delivery dies, before its outcome is known. */
  readonly deathAfterMs: () => number | undefined;
  readonly random: () => number;
}

/** An event that waits for a consumer. */
export interface Waiting {
  readonly message: Message;
  attempt: number;
  deliveries: number;
  /** Whether it was delivered a second time on purpose. */
  isDoubled: boolean;
}

export const toWaiting = (message: Message): Waiting => ({ message, attempt: 1, deliveries: 0, isDoubled: false });

/** A process that runs a consumer. */
export interface Member {
  readonly deliver: Deliver;
  /** The events that this process consumes: those of another version may differ. */
  readonly names: ReadonlySet<string>;
  readonly concurrency: number;
  /** What it has been given and has not decided. */
  readonly inHand: Set<Waiting>;
  /** Aborted when its process has gone: what it decides afterwards is dropped. */
  readonly gone: AbortController;
  /** Of its connection. */
  readonly activity: Activity;
  /** Changes when its consumer is renamed. */
  queue: MemoryQueue;
}

/** A retry or a late event. */
interface Late {
  readonly waiting: Waiting;
  /** Milliseconds since 1970. */
  readonly dueAt: number;
  /** Whether it was published and has not arrived yet. */
  readonly isOnTheWay: boolean;
  /** What brings it; `undefined` while no process is connected. */
  timer: ReturnType<typeof setTimeout> | undefined;
}

/** A key that is being handled or waits for a retry. */
interface TakenKey {
  /** How many hold it: more than one only after a deploy has added the order. */
  holders: number;
  readonly behind: Fifo<Waiting>;
}

type Dead = Extract<Outcome, { is: 'dead' }>;

interface Parts {
  readonly behaviour: MemoryBehaviour;
  /** Calls a function outside of the async context of whoever published. */
  readonly outside: <Result>(call: () => Result) => Result;
  readonly bury: (consumer: string, message: Message, dead: Dead) => void;
}

/** The queue of one consumer of one service. */
export const createMemoryQueue = (consumer: string, { behaviour, outside, bury }: Parts) => {
  const ready = createFifo<Waiting>();
  /** With `order: 'key'`. */
  const keys = new Map<string, TakenKey>();
  const members = new Set<Member>();
  /** Those that get no more events, and still handle some. */
  const leaving = new Set<Member>();
  const later = new Set<Late>();
  /** What the processes have declared, the latest last. */
  const specs = new Map<object, ConsumerSpec>();
  /** The last process, after it has gone. */
  let gone: object | undefined;
  let names: ReadonlySet<string> = new Set();
  let order: ConsumerSpec['order'];
  let expiresAfterMs = Number.POSITIVE_INFINITY;
  let lastRunAt = Date.now();
  let isScheduled = false;

  const keyOf = ({ message }: Waiting) => (order === 'key' ? message.key : undefined);

  const schedule = (): void => {
    if (isScheduled) return;
    isScheduled = true;
    inLaterTurn(() => {
      isScheduled = false;
      pump();
    });
  };

  const hasRoom = ({ inHand, concurrency }: Member) => inHand.size < concurrency;

  const isConsumed = (name: string): boolean => {
    for (const member of members) if (member.names.has(name)) return true;
    return false;
  };

  /** One of the processes with room that consume the event, at random; any process, if none consumes it any more. */
  const freeMember = ({ message: { name } }: Waiting): Member | undefined => {
    const isWanted = isConsumed(name);
    let chosen: Member | undefined;
    let free = 0;
    for (const member of members) {
      if (!hasRoom(member) || (isWanted && !member.names.has(name))) continue;
      free++;
      if (free === 1 || behaviour.random() * free < 1) chosen = member;
    }
    return chosen;
  };

  /** Without an order, any of those that wait: nothing is promised, and nobody shall rely on it. */
  const takeNext = (): Waiting | undefined => (order === 'key' ? takeFirst(ready) : takeAny(ready, behaviour.random()));

  const hasAnyRoom = (): boolean => {
    for (const member of members) if (hasRoom(member)) return true;
    return false;
  };

  const pump = (): void => {
    const skipped: Waiting[] = [];
    while (sizeOf(ready) > 0 && hasAnyRoom()) {
      const next = takeNext();
      if (!next) break;
      const member = freeMember(next);
      if (member) hand(member, next);
      else skipped.push(next);
    }
    // They wait for a process that consumes them and has no room now.
    if (skipped.length > 0) addFirst(ready, skipped);
  };

  const makeReady = (waiting: Waiting): void => {
    addLast(ready, waiting);
    schedule();
  };
  const startTimer = (late: Late): void => {
    late.timer = setTimeout(() => {
      later.delete(late);
      makeReady(late.waiting);
    }, late.dueAt - Date.now());
  };
  const afterDelay = (waiting: Waiting, delayMs: number, isOnTheWay: boolean): void => {
    const late: Late = { waiting, dueAt: Date.now() + delayMs, isOnTheWay, timer: undefined };
    later.add(late);
    startTimer(late);
  };
  const arrive = (waiting: Waiting, delayMs: number, isOnTheWay: boolean): void => {
    if (delayMs > 0) afterDelay(waiting, delayMs, isOnTheWay);
    else makeReady(waiting);
  };

  /** What is published with its key waits behind. */
  const takeKey = (waiting: Waiting): void => {
    const key = keyOf(waiting);
    if (key === undefined) return;
    const taken = keys.get(key) ?? { holders: 0, behind: createFifo<Waiting>() };
    taken.holders++;
    keys.set(key, taken);
  };
  const behindKeys = (): Waiting[] => [...keys.values()].flatMap(({ behind }) => itemsOf(behind));

  const enqueue = (waiting: Waiting, delayMs = 0, isOnTheWay = true): void => {
    const key = keyOf(waiting);
    if (key === undefined) {
      arrive(waiting, delayMs, isOnTheWay);
      return;
    }
    const taken = keys.get(key);
    if (taken) {
      addLast(taken.behind, waiting);
      return;
    }
    // The key is taken from now on, so that nothing overtakes a late event.
    takeKey(waiting);
    arrive(waiting, delayMs, isOnTheWay);
  };

  /** The next event of the key may come, once nobody holds it. */
  const releaseKey = (waiting: Waiting): void => {
    const key = keyOf(waiting);
    const taken = key === undefined ? undefined : keys.get(key);
    if (key === undefined || !taken || --taken.holders > 0) return;
    const next = takeFirst(taken.behind);
    if (!next) {
      keys.delete(key);
      return;
    }
    taken.holders++;
    addLast(ready, next);
  };

  const carryOut = (waiting: Waiting, outcome: Outcome): void => {
    if (outcome.is === 'retry') {
      waiting.attempt = outcome.attempt;
      waiting.deliveries = 0;
      // Its key stays taken meanwhile.
      afterDelay(waiting, outcome.afterMs, false);
      return;
    }
    if (outcome.is === 'dead') bury(consumer, waiting.message, outcome);
    else if (keyOf(waiting) !== undefined && !waiting.isDoubled && behaviour.isDuplicated()) {
      waiting.isDoubled = true;
      addLast(ready, waiting);
      return;
    }
    releaseKey(waiting);
  };

  const hand = (member: Member, waiting: Waiting): void => {
    member.inHand.add(waiting);
    member.activity.start();
    waiting.deliveries++;
    const { attempt, deliveries, message } = waiting;
    const { body, headers, key } = message;
    const diesAfterMs = behaviour.deathAfterMs();
    const lost = diesAfterMs === undefined ? undefined : new AbortController();
    /** Without an outcome the event comes again. */
    const end = (outcome: Outcome | undefined) => {
      // It was given back already when the process went.
      if (!member.inHand.delete(waiting)) return;
      if (member.inHand.size === 0) member.queue.left(member);
      member.queue.decide(waiting, outcome);
      member.activity.end();
    };
    const signal = lost?.signal ?? member.gone.signal;
    const delivering = outside(() => member.deliver({ body, headers, key, attempt, deliveries, signal }));
    if (!lost) {
      void delivering.then(end);
      return;
    }
    // The process dies before its outcome is known. Its handler may go on, as in a process that was only cut off.
    setTimeout(() => {
      lost.abort(new Error('The process has died'));
      end(undefined);
    }, diesAfterMs);
  };

  const decide = (waiting: Waiting, outcome: Outcome | undefined): void => {
    if (outcome) carryOut(waiting, outcome);
    else addLast(ready, waiting);
    pump();
  };

  const inHand = (): Waiting[] => [...members, ...leaving].flatMap((member) => [...member.inHand]);

  /** Orders what waits by what the processes declare now. */
  const setOrder = (next: ConsumerSpec['order']): void => {
    if (order === next) return;
    order = next;
    const all = [...itemsOf(ready), ...behindKeys()];
    empty(ready);
    keys.clear();
    for (const waiting of [...inHand(), ...[...later].map((late) => late.waiting)]) takeKey(waiting);
    for (const waiting of all) enqueue(waiting);
  };

  const readSpecs = (): void => {
    const latest = [...specs.values()].at(-1);
    if (!latest) return;
    // Processes of an old and a new version may want different events: each gets its own meanwhile.
    names = new Set([...specs.values()].flatMap((spec) => spec.names));
    ({ expiresAfterMs } = latest);
    setOrder(latest.order);
  };
  const declare = (owner: object, spec: ConsumerSpec): void => {
    if (gone) specs.delete(gone);
    gone = undefined;
    specs.delete(owner);
    specs.set(owner, spec);
    readSpecs();
  };
  /** A process has gone: what only it wanted is given up; if it was the last one, when another one comes. */
  const withdraw = (owner: object): void => {
    if (specs.size === 1 && specs.has(owner)) gone = owner;
    else if (specs.delete(owner)) readSpecs();
  };

  const join = (member: Member): void => {
    members.add(member);
    lastRunAt = Date.now();
    for (const late of later) if (!late.timer) startTimer(late);
    schedule();
  };
  const leave = (member: Member): void => {
    members.delete(member);
    if (member.inHand.size > 0) leaving.add(member);
    lastRunAt = Date.now();
  };
  /** Its process has gone: what it has not decided comes again elsewhere. */
  const abandon = (member: Member): void => {
    leave(member);
    leaving.delete(member);
    member.gone.abort(new Error('The connection is closed'));
    for (const waiting of [...member.inHand]) {
      member.inHand.delete(waiting);
      addLast(ready, waiting);
      member.activity.end();
    }
    pump();
  };

  const waiting = (): Waiting[] => [...itemsOf(ready), ...[...later].map((late) => late.waiting), ...behindKeys()];
  /** Stops the timers, which would keep the process alive. They go on when somebody joins. */
  const rest = (): void => {
    for (const late of later) {
      clearTimeout(late.timer);
      late.timer = undefined;
    }
  };
  /** Hands everything over to the queue of the consumer's new name. */
  const moveTo = (queue: MemoryQueue): void => {
    rest();
    for (const [owner, spec] of specs) queue.declare(owner, spec);
    // Who holds a key comes first, so that nothing overtakes it.
    for (const one of inHand()) queue.takeKey(one);
    for (const { waiting: one, dueAt, isOnTheWay } of later)
      queue.enqueue(one, Math.max(0, dueAt - Date.now()), isOnTheWay);
    for (const one of [...itemsOf(ready), ...behindKeys()]) queue.enqueue(one);
    later.clear();
    empty(ready);
    keys.clear();
    for (const member of leaving) {
      member.queue = queue;
      queue.leave(member);
    }
    leaving.clear();
    for (const member of members) {
      member.queue = queue;
      queue.join(member);
    }
    members.clear();
  };

  return {
    consumer,
    wants: (name: string) => names.has(name),
    hasKeys: () => order === 'key',
    enqueue,
    decide,
    declare,
    withdraw,
    join,
    leave,
    left: (member: Member) => leaving.delete(member),
    takeKey,
    abandon,
    waiting,
    rest,
    moveTo,
    seen: () => ({
      consumer,
      names: [...names].sort(),
      inForce: true,
      waiting: waiting().length,
      isRun: members.size > 0,
      processes: members.size,
      lastSeenAt: new Date(members.size > 0 ? Date.now() : lastRunAt),
    }),
    isDue: () => members.size > 0 && (sizeOf(ready) > 0 || [...later].some(({ isOnTheWay }) => isOnTheWay)),
    isExpired: () => members.size === 0 && Date.now() - lastRunAt > expiresAfterMs,
    isCalled: (name: string) => [...specs.values()].some((spec) => spec.consumer === name || spec.formerly === name),
  };
};

/** In memory the names are always known. */
export interface SeenConsumer extends StoredConsumer {
  readonly names: readonly string[];
}

export interface MemoryQueue {
  readonly consumer: string;
  readonly wants: (name: string) => boolean;
  readonly hasKeys: () => boolean;
  readonly enqueue: (waiting: Waiting, delayMs?: number, isOnTheWay?: boolean) => void;
  readonly decide: (waiting: Waiting, outcome: Outcome | undefined) => void;
  readonly declare: (owner: object, spec: ConsumerSpec) => void;
  readonly withdraw: (owner: object) => void;
  readonly join: (member: Member) => void;
  readonly leave: (member: Member) => void;
  readonly left: (member: Member) => void;
  readonly takeKey: (waiting: Waiting) => void;
  readonly abandon: (member: Member) => void;
  readonly waiting: () => Waiting[];
  readonly rest: () => void;
  readonly moveTo: (queue: MemoryQueue) => void;
  /** What an operator sees of it. */
  readonly seen: () => SeenConsumer;
  readonly isDue: () => boolean;
  readonly isExpired: () => boolean;
  /** Whether a process declares it by this name, or as one that had it before. */
  readonly isCalled: (name: string) => boolean;
}
