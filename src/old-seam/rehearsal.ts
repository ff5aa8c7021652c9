import type { BusTransport } from '../bus/types.ts';
import { createActivity } from '../shared/activity.ts';
import { after } from './after.ts';
import type { Delivery, Message, Transport, VisitDeadLetter } from './port.ts';
import { type DeliveryOptions, defineTransport, readOptions } from './seam.ts';

/** How bad the day is. */
export interface NetworkOptions {
  /** The same seed gives the same day, as far as the order of publishes is the same. @default a random one */
  readonly seed?: number | undefined;
  /** Milliseconds that an event is on its way, at most. @default 10 */
  readonly maxDelayMs?: number | undefined;
  /** The share of events that come twice. @default 0.1 */
  readonly duplicates?: number | undefined;
}

/** What rehearsed transports have in common: those of one network reach each other. */
export interface RehearsalNetwork {
  readonly seed: number;
  readonly connect: (service: string) => Transport;
}

interface Member {
  names: ReadonlySet<string> | undefined;
  readonly deliver: (delivery: Delivery) => Promise<void>;
}

interface Service {
  readonly members: Set<Member>;
  /** What the service has asked for, which stays when its processes go. */
  readonly names: Set<string>;
  all: boolean;
  waiting: Message[];
  dead: Delivery[];
}

// mulberry32, in the public domain: a seed of 32 bits is enough to repeat a failure.
const createRandom = (seed: number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

const features = {
  durable: false,
  redelivers: true,
  consumerGroups: true,
  orderedByKey: true,
  receivesAll: true,
} as const;

const createService = (): Service => ({
  members: new Set(),
  names: new Set(),
  all: false,
  waiting: [],
  dead: [],
});

const visitEach = async (service: Service, visit: VisitDeadLetter) => {
  const letters = service.dead;
  service.dead = [];
  for (const letter of letters) if ((await visit(letter)) === 'keep') service.dead.push(letter);
};

/** Makes the way of a message to one service: late, twice, overtaken by others, but for those of its own key. */
const createRoute = (random: () => number, { maxDelayMs = 10, duplicates = 0.1 }: NetworkOptions) => {
  const { start, end, idle } = createActivity();
  const lastOf = new Map<string, Promise<void>>();

  const hand = async (service: Service, message: Message): Promise<void> => {
    const members = [...service.members];
    const member = members[Math.floor(random() * members.length)];
    if (!member) return void service.waiting.push(message);
    await member.deliver(message).catch(() => hand(service, message));
  };
  const travel = async (service: Service, message: Message, before: Promise<void> | undefined) => {
    const delayMs = (message.delayMs ?? 0) + random() * maxDelayMs;
    const comesTwice = message.key === undefined && random() < duplicates;
    await Promise.all([after(delayMs), before]);
    await hand(service, message);
    if (comesTwice) await hand(service, message);
  };
  const route = (service: Service, serviceName: string, message: Message): void => {
    const lane = message.kind === 'event' && message.key !== undefined ? `${serviceName} ${message.key}` : undefined;
    start();
    const way = travel(service, message, lane === undefined ? undefined : lastOf.get(lane)).finally(() => {
      end();
      if (lane !== undefined && lastOf.get(lane) === way) lastOf.delete(lane);
    });
    if (lane !== undefined) lastOf.set(lane, way);
  };
  return { route, idle };
};

/** Connects any number of services in this process. */
export const createNetwork = (options: NetworkOptions = {}): RehearsalNetwork => {
  const { seed = Math.floor(Math.random() * 2 ** 32) } = options;
  const services = new Map<string, Service>();
  const { route, idle } = createRoute(createRandom(seed), options);

  const serviceOf = (name: string): Service => {
    const service = services.get(name) ?? createService();
    services.set(name, service);
    return service;
  };

  const connect = (serviceName: string): Transport => {
    const service = serviceOf(serviceName);
    let own: Member | undefined;

    const send = async (message: Message) => {
      if (message.kind === 'dead') service.dead.push(message);
      else if (message.kind === 'retry') route(service, serviceName, message);
      else
        for (const [name, other] of services)
          if (other.all || other.names.has(message.name)) route(other, name, message);
    };
    const receive: Transport['receive'] = async (names, deliver) => {
      own ??= { names, deliver };
      if (names === undefined) service.all = true;
      for (const name of names ?? []) service.names.add(name);
      service.members.add(own);
      const waiting = service.waiting;
      service.waiting = [];
      for (const message of waiting) route(service, serviceName, message);
    };
    const stop = async () => {
      if (own) service.members.delete(own);
    };
    const visitDeadLetters = (visit: VisitDeadLetter) => visitEach(service, visit);
    return { features, send, receive, stop, close: stop, idle, visitDeadLetters };
  };

  return { seed, connect };
};

/** How a bus is rehearsed. */
export interface RehearsalOptions extends Partial<DeliveryOptions>, NetworkOptions {
  /** Shared by the buses that are to reach each other. @default a network of its own */
  readonly network?: RehearsalNetwork | undefined;
}

/**
 * A transport that never leaves the process and behaves like a bad day at a broker: a JSON round trip, later turns,
 * delays, duplicates, reordering. What works over it is ready for a real one.
 * @throws TypeError for a bad option
 * @example
 * const bus = createEventBus<AppEvents>({ transport: rehearsal({ seed: 42, retryDelayMs: 5 }) });
 */
export const rehearsal = (options: RehearsalOptions = {}): BusTransport => {
  const { network, seed, maxDelayMs, duplicates, ...delivery } = options;
  const settings = readOptions('rehearsal options', { service: 'rehearsal', ...delivery });
  const { connect } = network ?? createNetwork({ seed, maxDelayMs, duplicates });
  return defineTransport(() => connect(settings.service), features, settings);
};
