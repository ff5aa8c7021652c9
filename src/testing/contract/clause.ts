import type { ServiceBus, ServiceBusOptions } from '../../service/types.ts';
import { within } from '../../shared/time-limit.ts';
import type {
  Connection,
  ConnectionContext,
  ConsumerSpec,
  DeadLetterStore,
  Deliver,
  Delivery,
  Message,
  Outcome,
  Receiving,
  StoredDeadLetter,
  Transport,
  TransportFeatures,
} from '../../transport/index.ts';
import { type Collector, createCollector } from './collect.ts';
import { expectEqual } from './expect.ts';
import type { ContractClause, ContractSetup, ContractTransaction } from './setup.ts';

type AnyEvents = Record<string, unknown>;

export type Bus = ServiceBus<AnyEvents>;

/** Holds handlers until it is opened. */
interface Gate {
  readonly opened: Promise<void>;
  readonly open: () => void;
}

/** What a clause works with. Its names are its own, and what it opens is closed after it. */
export interface ClauseTools {
  readonly setup: ContractSetup;
  readonly timeoutMs: number;
  readonly leaseMs: number;
  /** A name that no other run of a clause uses. */
  readonly unique: (name: string) => string;
  /** Starts a process of a service. */
  readonly join: (service: string, options?: Partial<ServiceBusOptions<AnyEvents>>) => Bus;
  /** Starts a process of a service, and gives what a bus would use. */
  readonly connect: (service: string, context?: Partial<ConnectionContext>) => Connection;
  /** Ends a process without a close. */
  readonly kill: (process: Bus | Connection) => Promise<void>;
  readonly begin: () => Promise<ContractTransaction>;
  readonly collect: <Item>() => Collector<Item>;
  /** A gate that is open at the end of the clause at the latest. */
  readonly createGate: () => Gate;
  /** Settles as the work does. Rejects when the time is over. */
  readonly inTime: <Result>(what: string, work: Promise<Result>) => Promise<Result>;
  /** Asks again and again until there is an answer, for what no call tells of. */
  readonly eventually: <Result>(what: string, ask: () => Promise<Result | undefined>) => Promise<Result>;
  /** Waits to see that nothing more comes. */
  readonly quiet: () => Promise<void>;
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

export const ignore = () => {};

const SILENT = { debug: ignore, warn: ignore, error: ignore };

// Loaded only when a clause runs: it needs Node, and the rest of `mapbus/testing` does not.
const loadService = () => import('../../service/create-service-bus.ts');

const createTools = async (setup: ContractSetup) => {
  const { createServiceBus } = await loadService();
  const { timeoutMs = 20_000, quietMs = 200, leaseMs = 100 } = setup;
  const suffix = crypto.randomUUID().slice(0, 8);
  const transports = new Map<Bus | Connection, Transport>();
  const gates: Gate[] = [];

  const unique = (name: string) => `${name}-${suffix}`;
  const join: ClauseTools['join'] = (service, options) => {
    const transport = setup.connect();
    const bus = createServiceBus<AnyEvents>({
      service: unique(service),
      transport,
      sends: 'all',
      logger: SILENT,
      // Before Node 24, each AsyncLocalStorage makes every promise slower, also when its bus is closed.
      contextStorage: false,
      publishTimeoutMs: timeoutMs,
      readyTimeoutMs: timeoutMs,
      ...options,
      consumers: { retryDelayMs: 1, ...options?.consumers },
    });
    transports.set(bus, transport);
    return bus;
  };
  const connect: ClauseTools['connect'] = (service, context) => {
    const transport = setup.connect();
    const connection = transport.connect({
      service: unique(service),
      namespace: '',
      sends: 'all',
      publishTimeoutMs: timeoutMs,
      report: ignore,
      ...context,
    });
    transports.set(connection, transport);
    return connection;
  };
  const kill: ClauseTools['kill'] = async (process) => {
    if (!setup.kill) throw new Error('A durable transport is proved with `kill` in its setup');
    for (const [other, transport] of transports) if (other === process) await setup.kill(transport);
  };
  const begin: ClauseTools['begin'] = async () => {
    if (!setup.begin) throw new Error('A transport that enlists is proved with `begin` in its setup');
    return setup.begin();
  };
  const createGate = (): Gate => {
    let open = ignore;
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    const gate = { opened, open };
    gates.push(gate);
    return gate;
  };
  const inTime: ClauseTools['inTime'] = (what, work) =>
    within(timeoutMs, work, () => {
      throw new Error(`Waited ${timeoutMs} ms for ${what}`);
    });
  const eventually: ClauseTools['eventually'] = async (what, ask) => {
    const endsAt = performance.now() + timeoutMs;
    for (let waitMs = 1; performance.now() < endsAt; waitMs = Math.min(waitMs * 2, 100)) {
      const answer = await inTime(what, ask());
      if (answer !== undefined) return answer;
      await pause(waitMs);
    }
    throw new Error(`Waited ${timeoutMs} ms for ${what}`);
  };
  const tools: ClauseTools = {
    setup,
    timeoutMs,
    leaseMs,
    unique,
    join,
    connect,
    kill,
    begin,
    collect: () => createCollector(timeoutMs),
    createGate,
    inTime,
    eventually,
    quiet: () => pause(quietMs),
  };
  const clear = async (): Promise<void> => {
    for (const { open } of gates) open();
    const closeOne = (process: Bus | Connection) => within(timeoutMs, process.close(), ignore);
    await Promise.allSettled([...transports.keys()].map(closeOne));
  };
  return { tools, clear };
};

/** A clause with tools of its own. */
export const clause = (
  name: string,
  needs: readonly (keyof TransportFeatures)[],
  check: (tools: ClauseTools) => Promise<void>,
): ContractClause => ({
  name,
  needs,
  alone: false,
  run: async (setup) => {
    const { tools, clear } = await createTools(setup);
    try {
      await check(tools);
    } finally {
      await clear();
    }
  },
});

export const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/** Publishes all payloads at once, and expects that all are taken. */
export const publishAll = async (bus: Bus, name: string, payloads: readonly unknown[]): Promise<void> => {
  const results = await Promise.all(payloads.map((payload) => bus.publish(name, payload)));
  const errors = results.flatMap(({ error }) => (error ? [error.message] : []));
  expectEqual('errors of publishes', errors, []);
};

/** A consumer as a bus would declare it. */
export const specOf = (consumer: string, name: string, changes: Partial<ConsumerSpec> = {}): ConsumerSpec => ({
  consumer,
  names: [name],
  order: undefined,
  concurrency: 10,
  timeoutMs: 60_000,
  retryDelaysMs: [1, 1_000],
  expiresAfterMs: 31 * 24 * 60 * 60 * 1_000,
  formerly: undefined,
  ...changes,
});

/** A message as a bus would send it. */
export const messageOf = (name: string, data: unknown, changes: Partial<Message> = {}): Message => {
  const id = crypto.randomUUID();
  const source = '/contract';
  const time = new Date().toISOString();
  const event = { specversion: '1.0', id, source, type: name, time, datacontenttype: 'application/json', data };
  return { name, id, source, body: JSON.stringify(event), key: undefined, headers: {}, ...changes };
};

export const send = async (connection: Connection, message: Message): Promise<{ readonly unrouted?: boolean }> => {
  const { signal } = new AbortController();
  return connection.publish(message, { signal, session: undefined });
};

/** Declares a consumer and starts it. */
export const receive = async (connection: Connection, spec: ConsumerSpec, deliver: Deliver): Promise<Receiving> => {
  await connection.declare([spec]);
  return connection.consume(spec, deliver);
};

export const textOf = (body: string | Uint8Array): string =>
  typeof body === 'string' ? body : new TextDecoder().decode(body);

/** The data of the event in a delivery. */
export const dataOf = ({ body }: Pick<Delivery, 'body'>): unknown => JSON.parse(textOf(body)).data;

export const DONE: Outcome = { is: 'done' };
/** A consumer that takes whatever comes. */
export const acknowledge: Deliver = async () => DONE;
const ERROR = { name: 'RangeError', message: 'not possible' };
export const retryOf = (attempt: number, afterMs: number): Outcome => ({ is: 'retry', attempt, afterMs, error: ERROR });
export const DEAD: Outcome = { is: 'dead', reason: 'handler_failed', attempt: 1, error: ERROR };

export const storeOf = ({ deadLetters }: Connection): DeadLetterStore => {
  if (!deadLetters) throw new Error('The feature keepsDeadLetters is there, and deadLetters is not');
  return deadLetters;
};

/** The dead letters of a service, all of them. */
export const lettersOf = async (connection: Connection): Promise<readonly StoredDeadLetter[]> =>
  (await storeOf(connection).page({ limit: 1_000 })).letters;
