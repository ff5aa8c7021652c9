import type { Publication, Signals } from './event.ts';
import type { ContextStorage, EventBus, HandlerFailure, PublishResult, ReportOptions } from './types.ts';

/** What a transport can do. They say which checks of the contract apply to it, and are the rows of the README's table. */
export interface TransportFeatures {
  /** An event that was accepted survives a restart of the broker, and waits for a service that is away. */
  readonly durable: boolean;
  /** An event whose process died before it was acknowledged comes again. */
  readonly redelivers: boolean;
  /** Each service gets each event once, however many processes it has. */
  readonly consumerGroups: boolean;
  /** Events of one key reach a process in the order of their publishes. */
  readonly orderedByKey: boolean;
  /** `subscribeAll` works: a process can ask for events whose names it does not know. */
  readonly receivesAll: boolean;
}

/** A bus whose events nobody has declared. */
export type UntypedBus = EventBus<Record<string, unknown>>;

/** What is called for an event: a handler, with all that its options put around it. */
export type Call = (payload: unknown, event: Publication) => unknown;

/** One registration of a handler. */
export interface Subscription {
  readonly handlerName: string;
  readonly call: Call;
  readonly order: number;
  /** False once removed, for the publishes that are still going through a list with it. */
  active: boolean;
}

/** Where all logs and reports of a bus go. Nothing that a logger does comes back from it. */
export interface Reporter {
  readonly log: (level: 'debug' | 'warn' | 'error', message: string, fields: Record<string, unknown>) => void;
  readonly handlerFailed: (event: Publication, payload: unknown, failure: HandlerFailure) => void;
  /** Logs that an event is published. Without a logger nobody reads the id of a publish, so none is made. */
  readonly publishing: ((event: Publication, handlerCount: number) => void) | undefined;
}

/** The in-memory bus in parts: what the bus's part around a transport is built on. */
export interface BusParts {
  readonly local: UntypedBus;
  /** Who is called for a name, in subscription order. */
  readonly handlersOf: (name: string) => readonly Subscription[];
  /** Starts every one of these handlers, in order, and resolves when all have settled. */
  readonly dispatch: (list: readonly Subscription[], payload: unknown, event: Publication) => Promise<PublishResult>;
  readonly reporter: Reporter;
  readonly signals: Signals;
}

/** A transport with the bus's part around it, as `createEventBus` takes it: what `defineTransport` makes. */
export interface BusTransport {
  readonly features: TransportFeatures;
  readonly attach: (parts: BusParts) => UntypedBus;
}

/** What a bus is made with. */
export interface EventBusOptions extends ReportOptions {
  /**
   * An `AsyncLocalStorage` of this bus alone makes `getMetadata` and `getSession` right everywhere below a handler.
   * Without it they are right until the handler's first `await`, and empty after it.
   */
  readonly contextStorage?: ContextStorage | undefined;
  /** Carries events between processes. @default none: in memory */
  readonly transport?: BusTransport | undefined;
}
