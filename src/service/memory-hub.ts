import { createActivity } from '../shared/activity.ts';
import { checkCursor } from '../shared/cursor.ts';
import { MAX_DELAY_MS } from '../shared/max-delay.ts';
import type {
  Connection,
  ConnectionContext,
  ConsumerSpec,
  DeadLetterQuery,
  Message,
  StoredDeadLetter,
  Transport,
  TransportFeatures,
} from '../transport/index.ts';
import { createMemoryOperator } from './memory-operator.ts';
import { createMemoryQueue, type Member, type MemoryBehaviour, type MemoryQueue, toWaiting } from './memory-queue.ts';
import { inLaterTurn, outside } from './outside.ts';

/** The ref of a letter. */
const CURSOR = /^\d+$/;

const FEATURES: TransportFeatures = {
  durable: false,
  enlists: false,
  ordersByKey: true,
  ordersAcrossNames: true,
  tails: true,
  keepsDeadLetters: true,
  tellsUnrouted: true,
  countsDeliveries: true,
  keepsAttemptsByKey: true,
  expiresConsumers: true,
  servesOperators: true,
  maxDelayMs: MAX_DELAY_MS,
  maxBytes: undefined,
};

type Letter = StoredDeadLetter & { readonly message: Message };

interface Service {
  readonly queues: Map<string, MemoryQueue>;
  /** The next name of a consumer that was renamed. */
  readonly renamed: Map<string, string>;
  readonly dead: Map<string, Letter>;
  connections: number;
}

/** A tail of all names that are wanted. */
interface WideTail {
  readonly namespace: string;
  readonly isWanted: (name: string) => boolean;
  readonly tell: (body: string) => void;
}

const tellAll = (told: readonly ((body: string) => void)[], body: string): void => {
  for (const tell of told) tell(body);
};

/** Connects any number of buses of any number of services in this process. */
export const createMemoryHub = (maxDeadLetters: number, behaviour: MemoryBehaviour): Transport => {
  const services = new Map<string, Service>();
  const tails = new Map<string, Set<(body: string) => void>>();
  const wideTails = new Set<WideTail>();
  /** Which queues an event goes to, as far as it was asked for since the consumers have changed. */
  const routes = new Map<string, readonly MemoryQueue[]>();
  let letterCount = 0;

  const serviceOf = (key: string): Service => {
    const service = services.get(key) ?? { queues: new Map(), renamed: new Map(), dead: new Map(), connections: 0 };
    services.set(key, service);
    return service;
  };

  const connect = ({ service: serviceName, namespace, report }: ConnectionContext): Connection => {
    const service = serviceOf(`${namespace}/${serviceName}`);
    const { queues, renamed, dead } = service;
    const owner = {};
    const members = new Set<Member>();
    /** Those of them that get no more events. */
    const stopped = new Set<Member>();
    const activity = createActivity();
    let since = new Date();
    let isClosed = false;
    service.connections++;

    const reportLost = (
      consumer: string,
      reason: string,
      messages: readonly Message[],
      level: 'warn' | 'error' = 'warn',
    ) => {
      if (messages.length === 0) return;
      report(level, 'event_lost', { eventIds: messages.map(({ id }) => id), consumer, reason });
    };
    const messagesOf = (queue: MemoryQueue) => queue.waiting().map(({ message }) => message);

    /** The present name of a consumer, however often it was renamed. */
    const nameOf = (consumer: string): string => {
      const next = renamed.get(consumer);
      return next === undefined ? consumer : nameOf(next);
    };
    const queueOf = (consumer: string): MemoryQueue => {
      const name = nameOf(consumer);
      const queue = queues.get(name) ?? createMemoryQueue(name, { behaviour, outside, bury });
      queues.set(name, queue);
      return queue;
    };

    const bury = (
      consumer: string,
      message: Message,
      { reason, attempt, error }: Pick<Letter, 'reason' | 'attempt' | 'error'>,
    ) => {
      const ref = String(++letterCount).padStart(12, '0');
      dead.set(ref, { ref, consumer, reason, attempt, error, diedAt: new Date(), body: message.body, message });
      const [oldest] = dead.values();
      if (dead.size <= maxDeadLetters || !oldest) return;
      dead.delete(oldest.ref);
      reportLost(oldest.consumer, 'max_dead_letters', [oldest.message], 'error');
    };

    /** The queues that an event goes to. */
    const routesOf = (name: string): readonly MemoryQueue[] => {
      const key = `${namespace}/${name}`;
      const known = routes.get(key);
      if (known) return known;
      const all = [...services].filter(([serviceKey]) => serviceKey.startsWith(`${namespace}/`));
      const found = all.flatMap(([, other]) => [...other.queues.values()].filter((queue) => queue.wants(name)));
      routes.set(key, found);
      return found;
    };

    const remove = (queue: MemoryQueue): void => {
      for (const other of services.values())
        if (other.queues.get(queue.consumer) === queue) other.queues.delete(queue.consumer);
      routes.clear();
      queue.rest();
    };
    /** Removes a consumer that no process has run for too long. */
    const removeExpired = (queue: MemoryQueue): void => {
      reportLost(queue.consumer, 'consumer_expired', messagesOf(queue));
      remove(queue);
    };

    const tellWide = ({ name, body }: Message): void => {
      for (const wide of wideTails) {
        if (wide.namespace !== namespace || !wide.isWanted(name)) continue;
        inLaterTurn(() => outside(() => wideTails.has(wide) && wide.tell(body)));
      }
    };
    const publish: Connection['publish'] = async (message) => {
      if (isClosed) throw Object.assign(new Error('The connection is closed'), { outcome: 'not-sent' });
      const fault = behaviour.publishFault();
      if (fault && !fault.isTaken) throw fault.error;
      let isRouted = false;
      for (const queue of routesOf(message.name)) {
        if (queue.isExpired()) {
          removeExpired(queue);
          continue;
        }
        isRouted = true;
        queue.enqueue(toWaiting(message), behaviour.delayMs());
        if (!queue.hasKeys() && behaviour.isDuplicated()) queue.enqueue(toWaiting(message), behaviour.delayMs());
      }
      const told = tails.get(`${namespace}/${message.name}`);
      if (told && told.size > 0) {
        isRouted = true;
        // Those that were there when it was published, and still are.
        const listening = [...told];
        inLaterTurn(() =>
          outside(() =>
            tellAll(
              listening.filter((tell) => told.has(tell)),
              message.body,
            ),
          ),
        );
      }
      if (wideTails.size > 0) tellWide(message);
      if (fault) throw fault.error;
      return { unrouted: !isRouted };
    };

    /** The consumer `former` is called `consumer` from now on, in old processes too. */
    const rename = (former: string, consumer: string): void => {
      if (renamed.get(former) === consumer) return;
      const old = queues.get(nameOf(former));
      // Its name is the present one from now on, so that no circle arises.
      renamed.delete(consumer);
      renamed.set(former, consumer);
      if (!old || old.consumer === consumer) return;
      queues.delete(old.consumer);
      old.moveTo(queueOf(consumer));
    };

    /** A name that no process uses for the renamed consumer any more is free for another one. */
    const freeNames = (specs: readonly ConsumerSpec[]): void => {
      for (const { consumer } of specs) {
        if (!renamed.has(consumer)) continue;
        const present = queueOf(consumer);
        const isOther = specs.some((spec) => spec.consumer === present.consumer && spec.formerly !== consumer);
        if (isOther || !present.isCalled(consumer)) renamed.delete(consumer);
      }
    };

    const declare: Connection['declare'] = async (specs) => {
      freeNames(specs);
      for (const spec of specs) {
        if (spec.formerly !== undefined) rename(spec.formerly, spec.consumer);
        queueOf(spec.consumer).declare(owner, spec);
      }
      routes.clear();
    };

    /** A handler is not kept for longer than it runs. */
    const forgetStopped = (): void => {
      for (const member of stopped)
        if (member.inHand.size === 0) {
          stopped.delete(member);
          members.delete(member);
        }
    };
    const consume: Connection['consume'] = async ({ consumer, concurrency, names: wanted }, deliver) => {
      const queue = queueOf(consumer);
      const names = new Set(wanted);
      const member: Member = {
        deliver,
        names,
        concurrency,
        inHand: new Set(),
        gone: new AbortController(),
        activity,
        queue,
      };
      forgetStopped();
      members.add(member);
      queue.join(member);
      const stop = async () => {
        member.queue.leave(member);
        stopped.add(member);
        forgetStopped();
      };
      return { stop };
    };

    const tail: Connection['tail'] = async (names, tell) => {
      const keys = names.map((name) => `${namespace}/${name}`);
      for (const key of keys) tails.set(key, (tails.get(key) ?? new Set()).add(tell));
      return {
        stop: async () => {
          for (const key of keys) tails.get(key)?.delete(tell);
        },
      };
    };

    const operator = createMemoryOperator({
      consumers: () => [...queues.values()].filter((queue) => !queue.isExpired()).map((queue) => queue.seen()),
      forget: (consumer) => {
        const queue = queues.get(consumer);
        if (queue) remove(queue);
        return queue !== undefined;
      },
      tail: async (wanted, tell) => {
        const isWanted = typeof wanted === 'function' ? wanted : (name: string) => wanted.includes(name);
        const wide = { namespace, isWanted, tell };
        wideTails.add(wide);
        return { stop: async () => void wideTails.delete(wide) };
      },
    });

    const page = async ({ consumer, after, limit }: DeadLetterQuery) => {
      checkCursor(after, CURSOR);
      const isWanted = (letter: Letter) =>
        letter.ref > (after ?? '') && (consumer === undefined || letter.consumer === consumer);
      const found = [...dead.values()].filter(isWanted);
      const letters = found.slice(0, limit);
      return { letters, next: found.length > limit ? letters.at(-1)?.ref : undefined };
    };
    const take = (refs: readonly string[]): Letter[] =>
      refs.flatMap((ref) => {
        const letter = dead.get(ref);
        return letter && dead.delete(ref) ? [letter] : [];
      });
    const redrive = async (refs: readonly string[]) => {
      const letters = take(refs);
      for (const { consumer, message } of letters) queueOf(consumer).enqueue(toWaiting(message));
      return letters.length;
    };
    const discard = async (refs: readonly string[]) => take(refs).length;

    const idle = async (): Promise<void> => {
      do {
        await activity.idle();
        await new Promise<void>((resolve) => inLaterTurn(resolve));
      } while (activity.running() > 0 || [...queues.values()].some((queue) => queue.isDue()));
    };

    const close = async (): Promise<void> => {
      if (isClosed) return;
      isClosed = true;
      since = new Date();
      for (const member of members) member.queue.abandon(member);
      for (const queue of queues.values()) queue.withdraw(owner);
      routes.clear();
      if (--service.connections > 0) return;
      for (const queue of queues.values()) {
        queue.rest();
        reportLost(queue.consumer, 'closed_in_memory', messagesOf(queue));
      }
    };

    const health = () => ({ connected: !isClosed, since, reconnects: 0 });
    const deadLetters = { page, redrive, discard };
    return { features: FEATURES, publish, declare, consume, tail, deadLetters, operator, health, idle, close };
  };

  return { connect };
};
