import type { ContractSetup } from 'mapbus/testing';
import type {
  Connection,
  ConnectionContext,
  ConsumerSpec,
  Deliver,
  Delivery,
  Message,
  Outcome,
  PublishContext,
  Receiving,
  StoredDeadLetter,
  Transport,
} from 'mapbus/transport';
import { createSoundSetup } from './sound.ts';

export const DONE: Outcome = { is: 'done' };
export const textOf = (body: string | Uint8Array): string => (typeof body === 'string' ? body : String(body));

/** A consumer as one process runs it. */
export interface Running {
  /** Its namespace, service and name. */
  readonly key: string;
  /** The first has the lowest. */
  readonly number: number;
  readonly spec: ConsumerSpec;
  readonly process: Process;
  /** The handler, without the fault. */
  readonly deliver: Deliver;
  /** The bodies of what has no outcome yet. */
  readonly open: Set<string>;
}

/** A process with its connection. */
export interface Process {
  readonly context: ConnectionContext;
  readonly inner: Connection;
  readonly running: Set<Running>;
  isClosed: boolean;
  isKilled: boolean;
}

/** A delivery on its way to a handler. */
export interface Call {
  readonly delivery: Delivery;
  readonly running: Running;
  /** Gives it, or another one in its place, to the handler. */
  readonly run: (delivery?: Delivery) => Promise<Outcome>;
}

/** Gives a message to the sound transport; by default in the session of the publish. */
type Send = (message: Message, options?: { readonly inSession: boolean }) => Promise<{ readonly unrouted?: boolean }>;

/** Where a fault can be put. What is left out works. */
export interface Fault {
  readonly context?: (context: ConnectionContext) => ConnectionContext;
  readonly publish?: (
    message: Message,
    send: Send,
    process: Process,
    session: unknown,
  ) => Promise<{ readonly unrouted?: boolean }>;
  /** What a consumer is said to be when it starts. */
  readonly spec?: (spec: ConsumerSpec) => ConsumerSpec;
  readonly declare?: (
    specs: readonly ConsumerSpec[],
    process: Process,
  ) => readonly ConsumerSpec[] | Promise<ConsumerSpec[]>;
  readonly consume?: (start: () => Promise<Receiving>, running: Running) => Promise<Receiving>;
  readonly deliver?: (call: Call) => Promise<Outcome>;
  /** Before a consumer stops. */
  readonly stopping?: (running: Running) => void;
  /** Before and after a connection is closed. */
  readonly closing?: (process: Process) => void | Promise<void>;
  readonly closed?: (process: Process) => void | Promise<void>;
  /** Before a process is killed. */
  readonly killing?: (process: Process) => void;
  /** An outcome of a process that has closed or was killed. */
  readonly late?: (outcome: Outcome, running: Running, delivery: Delivery) => void;
  readonly page?: (letters: readonly StoredDeadLetter[], process: Process) => readonly StoredDeadLetter[];
  readonly rest?: (inner: Connection, process: Process) => Partial<Connection>;
}

type State = 'waiting' | 'open' | 'retried';

/** What all processes of a run share. A fault looks here for whom it can harm. */
const createShared = () => {
  const processes = new Set<Process>();
  /** The event names of each consumer that was declared. */
  const declared = new Map<string, ReadonlySet<string>>();
  /** What each consumer has to do, by the body of the event. */
  const todo = new Map<string, Map<string, State>>();
  const dropped = new Set<string>();
  const cleanups = new Set<() => void>();
  let consumers = 0;

  const keyOf = ({ namespace, service }: ConnectionContext, consumer: string) => `${namespace}/${service}/${consumer}`;
  const todoOf = (key: string) => {
    const bodies = todo.get(key) ?? new Map<string, State>();
    todo.set(key, bodies);
    return bodies;
  };
  /** The consumers that run now, of all processes. */
  const running = (): Running[] => [...processes].flatMap((process) => [...process.running]);
  /** Where else a consumer runs. */
  const elsewhere = ({ key, process }: Running): Running[] =>
    running().filter((other) => other.key === key && other.process !== process);
  /** The event will not come to this consumer. */
  const drop = (key: string, body: string) => dropped.add(`${key} ${body}`);
  const dropAll = (key: string, states: readonly State[]) => {
    for (const [body, state] of todoOf(key)) if (states.includes(state)) drop(key, body);
  };
  const nextNumber = () => ++consumers;
  return {
    processes,
    declared,
    todoOf,
    running,
    elsewhere,
    keyOf,
    drop,
    dropAll,
    dropped,
    cleanups,
    nextNumber,
  };
};

export type Shared = ReturnType<typeof createShared>;

const innerOf = new WeakMap<Transport, { readonly transport: Transport; readonly processes: Process[] }>();

const connectProcess = (
  shared: Shared,
  fault: Fault,
  transport: Transport,
  given: ConnectionContext,
): { readonly process: Process; readonly connection: Connection } => {
  const context = fault.context?.(given) ?? given;
  const inner = transport.connect(context);
  const process: Process = { context, inner, running: new Set(), isClosed: false, isKilled: false };
  shared.processes.add(process);

  const publish: Connection['publish'] = async (message, publishContext: PublishContext) => {
    const send: Send = (sent, { inSession } = { inSession: true }) => {
      for (const [key, names] of shared.declared)
        if (names.has(sent.name)) shared.todoOf(key).set(textOf(sent.body), 'waiting');
      return inner.publish(sent, inSession ? publishContext : { ...publishContext, session: undefined });
    };
    if (process.isClosed || !fault.publish) return send(message);
    return fault.publish(message, send, process, publishContext.session);
  };

  const declare: Connection['declare'] = async (specs) => {
    const wanted = (await fault.declare?.(specs, process)) ?? specs;
    for (const { consumer, names } of wanted) shared.declared.set(shared.keyOf(context, consumer), new Set(names));
    await inner.declare(wanted);
  };

  const wrap = (entry: Running): Deliver => {
    return async (delivery) => {
      const { key, open } = entry;
      const body = textOf(delivery.body);
      if (shared.dropped.has(`${key} ${body}`)) return DONE;
      const run = async (changed = delivery) => {
        const outcome = await entry.deliver(changed);
        if (process.isClosed || process.isKilled) fault.late?.(outcome, entry, delivery);
        return outcome;
      };
      shared.todoOf(key).set(body, 'open');
      open.add(body);
      const outcome = await (fault.deliver?.({ delivery, running: entry, run }) ?? run());
      open.delete(body);
      if (outcome.is === 'retry') shared.todoOf(key).set(body, 'retried');
      else shared.todoOf(key).delete(body);
      return outcome;
    };
  };

  const consume: Connection['consume'] = async (spec, deliver) => {
    const entry: Running = {
      key: shared.keyOf(context, spec.consumer),
      number: shared.nextNumber(),
      spec,
      process,
      deliver,
      open: new Set(),
    };
    const start = () => inner.consume(fault.spec?.(spec) ?? spec, wrap(entry));
    process.running.add(entry);
    const receiving = await (fault.consume?.(start, entry) ?? start());
    return {
      stop: async () => {
        fault.stopping?.(entry);
        process.running.delete(entry);
        await receiving.stop();
      },
    };
  };

  const close = async (): Promise<void> => {
    if (!process.isClosed) await fault.closing?.(process);
    process.isClosed = true;
    process.running.clear();
    await inner.close();
    await fault.closed?.(process);
  };

  const { deadLetters } = inner;
  const { page: changePage } = fault;
  const store = deadLetters &&
    changePage && {
      ...deadLetters,
      page: async (query: Parameters<typeof deadLetters.page>[0]) => {
        const { letters, next } = await deadLetters.page(query);
        return { letters: changePage(letters, process), next };
      },
    };
  const rest = fault.rest?.(inner, process);
  const connection = { ...inner, publish, declare, consume, close, ...(store && { deadLetters: store }), ...rest };
  return { process, connection };
};

/** A sound transport with one fault, and what ends its timers. */
export const createBrokenSetup = (
  createFault: (shared: Shared) => Fault,
  sound: ContractSetup = createSoundSetup(),
): { readonly setup: ContractSetup; readonly clear: () => void } => {
  const shared = createShared();
  const fault = createFault(shared);
  const connect = (): Transport => {
    const transport = sound.connect();
    const processes: Process[] = [];
    const broken: Transport = {
      connect: (context) => {
        const { process, connection } = connectProcess(shared, fault, transport, context);
        processes.push(process);
        return connection;
      },
    };
    innerOf.set(broken, { transport, processes });
    return broken;
  };
  const kill = async (broken: Transport): Promise<void> => {
    const found = innerOf.get(broken);
    if (!found) return;
    for (const process of found.processes) {
      fault.killing?.(process);
      process.isKilled = true;
      process.running.clear();
    }
    await sound.kill?.(found.transport);
  };
  const clear = () => {
    for (const cleanup of shared.cleanups) cleanup();
  };
  return { setup: { ...sound, connect, kill }, clear };
};
