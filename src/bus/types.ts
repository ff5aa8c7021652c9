/** The names of an event map: its string keys. Brokers know only strings, so number and symbol keys are left out. */
export type EventName<Events extends object> = keyof Events & string;

/** What a publisher of `Name` passes and its handlers receive. */
export type EventPayload<Events extends object, Name extends EventName<Events>> = Events[Name];

/** Any event of the map as `{ name, payload }`; checking `name` narrows `payload`. */
export type EventOf<Events extends object> = {
  [Name in EventName<Events>]: { readonly name: Name; readonly payload: Events[Name] };
}[EventName<Events>];

/** Facts of the request that published, such as `ip_address` or `trace_id`. */
export type Metadata = Readonly<Record<string, string>>;

/**
 * What a handler gets beside the payload. Read-only, and of one publish. Destructure what you need: `id`, `occurredAt`
 * and `signal` are getters, made when read, which a spread or `JSON.stringify` leaves out.
 */
export interface EventContext<Name extends string = string, Session = unknown> {
  readonly name: Name;
  /** UUIDv7 (RFC 9562), or the `id` given to `publish`. Made when first read. */
  readonly id: string;
  readonly occurredAt: Date;
  /** A frozen copy of the publisher's `metadata`; an empty object if it gave none. */
  readonly metadata: Metadata;
  /** The publisher's session: concurrent handlers share it, so check what its driver allows. */
  readonly session: Session | undefined;
  /** Aborted when the handler's `timeoutMs` or the `drainTimeoutMs` of `close` is over. */
  readonly signal: AbortSignal;
}

/** A function that receives one event. What it returns is awaited if it is a promise, and otherwise ignored. */
export type EventHandler<Events extends object, Name extends EventName<Events>, Session = unknown> = (
  payload: Events[Name],
  context: EventContext<Name, Session>,
) => unknown;

/** A handler for every event: `satisfies EventHandlers<AppEvents>` makes the compiler name the one you forgot. */
export type EventHandlers<Events extends object, Session = unknown> = {
  readonly [Name in EventName<Events>]: EventHandler<Events, Name, Session>;
};

/** How a handler is registered. */
export interface SubscribeOptions {
  /** Unsubscribe before the first call. @default false */
  readonly once?: boolean | undefined;
  /** Unsubscribes when aborted; if it already is, nothing is registered. */
  readonly signal?: AbortSignal | undefined;
  /** Label in logs and failures. @default the function's name, else `anonymous` */
  readonly name?: string | undefined;
  /** Milliseconds until `context.signal` is aborted and the handler counts as failed with a `TimeoutError`. */
  readonly timeoutMs?: number | undefined;
}

/** Stops a subscription: its handler is not called again. Harmless to call twice; also works with `using`. */
export interface Unsubscribe {
  (): void;
  [Symbol.dispose](): void;
}

/** What a publish carries beside the payload. */
export interface PublishOptions<Session = unknown> {
  /** Copied when published. */
  readonly metadata?: Metadata | undefined;
  /** A database session or transaction for the handlers; never leaves the process. */
  readonly session?: Session | undefined;
  /** For relays and tests. @default a new UUIDv7 */
  readonly id?: string | undefined;
  /** For relays and tests. @default now */
  readonly occurredAt?: Date | undefined;
  /** With a transport: events of one key are handled in the order of their publishes. */
  readonly key?: string | undefined;
}

/**
 * What follows the name in `publish`: a wrapper takes `...args: PublishArgs<AppEvents, Name>` and passes them on.
 *
 * A name of a union type must come with a payload that fits every member: each payload is put in the parameter of a
 * function and inferred back, which intersects them.
 */
export type PublishArgs<Events extends object, Name extends EventName<Events>, Session = unknown> = (
  Name extends unknown
    ? (payload: Events[Name]) => void
    : never
) extends (payload: infer Payload) => void
  ? undefined extends Payload
    ? // Any and unknown take undefined too, but are not left out.
      unknown extends Payload
      ? [payload: Payload, options?: PublishOptions<Session>]
      : [payload?: Payload, options?: PublishOptions<Session>]
    : [payload: Payload, options?: PublishOptions<Session>]
  : never;

/** One handler that threw, rejected, ran out of time or returned a broken thenable. */
export interface HandlerFailure {
  readonly handlerName: string;
  readonly error: unknown;
}

/** Stable within a major version, unlike messages. */
export type EventBusErrorCode =
  | 'closed'
  | 'invalid_name'
  | 'invalid_options'
  | 'buffer_full'
  | 'not_serializable'
  | 'too_large'
  | 'transport_unavailable'
  | 'publish_timeout';

/** Recognise it by `code`, never by `instanceof`. */
export interface EventBusError extends Error {
  readonly code: EventBusErrorCode;
  /** With a transport: whether the event may have been sent all the same. Publishing it again with its `id` is safe. */
  readonly outcome?: 'not-sent' | 'unknown';
}

/** What became of a publish. `id` and `occurredAt` are getters, which a spread or `JSON.stringify` leaves out. */
export interface PublishResult {
  /** UUIDv7 (RFC 9562), or the `id` given to `publish`. Made when first read; `''` if nobody handles the event. */
  readonly id: string;
  readonly occurredAt: Date;
  /** How many handlers were called. */
  readonly handlerCount: number;
  readonly failures: readonly HandlerFailure[];
  /** Why the event itself could not be published. */
  readonly error?: EventBusError;
}

/** The half of a bus that a module which only publishes asks for. Any bus with at least these events fits. */
export interface Publisher<Events extends object, Session = never> {
  /** Carries the map in both directions, which no method can: what makes two buses incompatible. Never set. */
  readonly '~events'?: { readonly [Name in keyof Events]: (payload: Events[Name]) => Events[Name] };
  /**
   * Starts every handler of the event, in subscription order and before it returns; they run concurrently.
   * Resolves when all have settled. Never throws and never rejects: what went wrong is in the result and in the log.
   */
  readonly publish: <Name extends EventName<Events>>(
    name: Name,
    ...args: PublishArgs<Events, Name, Session>
  ) => Promise<PublishResult>;
}

/** The half of a bus that a module which only subscribes asks for. Any bus with at least these events fits. */
export interface Subscriber<Events extends object, Session = unknown> {
  readonly '~events'?: { readonly [Name in keyof Events]: (payload: Events[Name]) => Events[Name] };
  /**
   * Registers a handler for one event, from the next publish on. A handler registered twice is called twice.
   * @throws TypeError for a bad argument; an error with the code `closed` after `close`
   */
  readonly subscribe: <Name extends EventName<Events>>(
    name: Name,
    handler: EventHandler<Events, Name, Session>,
    options?: SubscribeOptions,
  ) => Unsubscribe;
}

/** A bus of exactly these events. Every member works after destructuring. */
export interface EventBus<Events extends object, Session = unknown>
  extends Publisher<Events, Session>,
    Subscriber<Events, Session> {
  /** Registers a handler for every event; otherwise like `subscribe`. */
  readonly subscribeAll: (
    handler: (event: EventOf<Events>, context: EventContext<EventName<Events>, Session>) => unknown,
    options?: SubscribeOptions,
  ) => Unsubscribe;
  /** The metadata of the publish that runs the current code; an empty object outside. See `contextStorage`. */
  readonly getMetadata: () => Metadata;
  /** The session of the publish that runs the current code. See `contextStorage`. */
  readonly getSession: () => Session | undefined;
  /** How many handlers are registered for a name, those for every event included; without a name, how many in all. */
  readonly handlerCount: (name?: EventName<Events>) => number;
  /** Resolves when every subscription so far is in force: in memory, at once. */
  readonly ready: () => Promise<void>;
  /** Resolves when nothing is in flight, what running handlers publish included. */
  readonly idle: () => Promise<void>;
  /** Refuses new work and resolves when nothing is in flight or its time is over. Also works with `await using`. */
  readonly close: (options?: CloseOptions) => Promise<void>;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
}

/** How long `close` waits. */
export interface CloseOptions {
  /** Milliseconds to wait for running handlers before `context.signal` is aborted. @default 10_000 */
  readonly drainTimeoutMs?: number | undefined;
}

/** `console`, winston and most loggers fit as they are. */
export interface Logger {
  readonly debug: (message: string, fields: Record<string, unknown>) => unknown;
  readonly warn: (message: string, fields: Record<string, unknown>) => unknown;
  readonly error: (message: string, fields: Record<string, unknown>) => unknown;
}

/** The event that a handler failed on, for an error tracker. */
export interface FailedEvent {
  readonly name: string;
  readonly payload: unknown;
  readonly id: string;
  readonly occurredAt: Date;
  readonly metadata: Metadata;
}

/** The part of `AsyncLocalStorage` that the bus uses. */
export interface ContextStorage {
  readonly run: <Result>(context: EventContext, run: () => Result) => Result;
  readonly getStore: () => EventContext | undefined;
}

/** What a bus reports, and to whom. */
export interface ReportOptions {
  /** @default `warn` and `error` go to `console`, `debug` nowhere */
  readonly logger?: Logger | undefined;
  /** Called for every handler failure, beside the log. */
  readonly onFailure?: ((event: FailedEvent, failure: HandlerFailure) => unknown) | undefined;
  /** Whether a publish of this name logs `event_publishing`. @default not if its last word is attempt or attempted */
  readonly logPublish?: ((name: string) => boolean) | undefined;
}
