// Every public type of the bus, in the order in which a reader meets them: events, handlers, publishing, the bus, options.

/** The names of an event map: its string keys. Brokers know only strings, so number and symbol keys are left out. */
export type EventName<Events extends object> = keyof Events & string;

/** What a publisher of `Name` passes and its handlers receive. */
export type EventPayload<Events extends object, Name extends EventName<Events>> = Events[Name];

/** Any event of these names as `{ name, payload }`. Checking `name` narrows `payload`. */
export type EventOf<Events extends object, Name extends EventName<Events> = EventName<Events>> = {
  [Each in Name]: { readonly name: Each; readonly payload: Events[Each] };
}[Name];

/**
 * Facts of the request that published, such as `ip_address` or `trace_id`. The values are strings. A key that is not
 * there reads as `undefined`. An interface of your own may extend this one.
 * @example
 * interface RequestMetadata extends Metadata {
 *   readonly trace_id: string;
 * }
 */
export interface Metadata {
  readonly [key: string]: string | undefined;
}

/**
 * What a handler of `subscribe` and a handler of `consume` both get. It is the type of the context in a function that is used
 * as both.
 */
export interface EventInfo<Name extends string = string> {
  readonly name: Name;
  /** UUIDv7 (RFC 9562), or the `id` given to `publish`. Generated when first read. */
  readonly id: string;
  /** The clock at the publish, or the `occurredAt` given to `publish`. */
  readonly occurredAt: Date;
  /** A frozen copy of the publisher's metadata, with what the option `metadata` of the bus adds. */
  readonly metadata: Metadata;
  /** Aborted when the handler's `timeoutMs` or the `drainTimeoutMs` of `close` is over. */
  readonly signal: AbortSignal;
}

/**
 * What a handler gets beside the payload. It is read-only and belongs to one publish. Its fields are getters: a spread
 * leaves them out, and it cannot be the options of a publish: write `{ from: context }`. `JSON.stringify` and
 * `console.log` show `name`, `id`, `occurredAt` and `metadata`; once the publish has settled, they show its result too.
 */
export interface EventContext<Name extends string = string, Session = unknown> extends EventInfo<Name> {
  /**
   * The publisher's session, until the publish has settled; then `undefined`. All handlers share it, and most drivers run
   * one statement at a time.
   */
  readonly session: Session | undefined;
}

/** An event of these names together with its context, as `eventsOf` and `waitFor` give it for several names. */
export type ReceivedEvent<Events extends object, Name extends EventName<Events> = EventName<Events>> = {
  [Each in Name]: {
    readonly name: Each;
    readonly payload: Events[Each];
    readonly context: EventContext<Each>;
  };
}[Name];

/** A function that receives one event. If it returns a promise, `publish` awaits it. Other return values are ignored. */
export type EventHandler<Events extends object, Name extends EventName<Events>, Session = unknown> = (
  payload: Events[Name],
  context: EventContext<Name, Session>,
) => unknown;

/** A handler for every event. With `satisfies EventHandlers<AppEvents>` the compiler names an event that has no handler. */
export type EventHandlers<Events extends object, Session = unknown> = {
  readonly [Name in EventName<Events>]: EventHandler<Events, Name, Session>;
};

/** How a handler is registered. */
export interface SubscribeOptions {
  /** Unsubscribes just before the first call. @default false */
  readonly once?: boolean | undefined;
  /** Unsubscribes when aborted. If it is aborted already, nothing is registered. */
  readonly signal?: AbortSignal | undefined;
  /** The handler's name in logs and failures. @default the function's name, else `anonymous` */
  readonly name?: string | undefined;
  /** Milliseconds until `context.signal` is aborted and the handler counts as failed, with the code `timeout`. */
  readonly timeoutMs?: number | undefined;
  /** Called when `close` has removed the handler. It is not called when you unsubscribe. */
  readonly onClose?: (() => unknown) | undefined;
}

/** Stops a subscription: its handler is not called again. Harmless to call twice. Works with `using`. */
export interface Unsubscribe {
  (): void;
  [Symbol.dispose](): void;
}

/** Refuses lists and functions, whose `length` is a number. The compiler works less for an interface than for a literal. */
interface NoLength {
  readonly length?: string | undefined;
}

/** Any object whose values are strings. It may be of an interface without an index signature. */
export type StringValues<Type> = object & NoLength & { readonly [Key in keyof Type]: string | undefined };

/** What a publish carries beside the payload. */
export interface PublishOptions<Session = unknown, Added = Metadata> {
  /** Any object of strings. It is copied, and wins over what the option `metadata` of the bus adds. */
  readonly metadata?: Added | undefined;
  /** A database session or transaction for the handlers. It never leaves the process. */
  readonly session?: Session | undefined;
  /** For relays and tests: a string that is not empty. @default a new UUIDv7 */
  readonly id?: string | undefined;
  /** For relays and tests. @default now */
  readonly occurredAt?: Date | undefined;
  /**
   * The context of the handler that publishes. Its metadata is carried on, or goes to the option `metadata` of the bus as
   * `current`. @default the handler that runs the current code, for the option `metadata` only
   */
  readonly from?: { readonly metadata: Metadata } | undefined;
  /** With `false`, the handlers here are not called: for a service bus, to send an event again. @default true */
  readonly local?: boolean | undefined;
}

/** Only in types: a payload as a parameter. From a union of these, TypeScript infers the intersection of the payloads. */
interface Accepts<in Payload> {
  readonly '~accepts': (payload: Payload) => void;
}

/**
 * What follows the name in `publish`. A wrapper takes `...args: PublishArgs<AppEvents, Name>` and passes them on. For a
 * `Name` of a union type, the payload must fit every member. `Added` is the type of the option `metadata`.
 */
export type PublishArgs<Events extends object, Name extends EventName<Events>, Session = unknown, Added = Metadata> =
  (Name extends unknown ? Accepts<Events[Name]> : never) extends Accepts<infer Payload>
    ? undefined extends Payload
      ? // `any` and `unknown` accept undefined too, but must be passed.
        unknown extends Payload
        ? [payload: Payload, options?: PublishOptions<Session, Added>]
        : [payload?: Payload, options?: PublishOptions<Session, Added>]
      : [payload: Payload, options?: PublishOptions<Session, Added>]
    : never;

/** One handler that threw, rejected, ran out of time or returned a broken thenable. */
export interface HandlerFailure {
  readonly handlerName: string;
  /** What it threw. */
  readonly error: unknown;
}

/** The codes are stable within a major version; the messages are not. The docs list what each one means. */
export type EventBusErrorCode =
  | 'closed'
  | 'invalid_name'
  | 'invalid_options'
  | 'timeout'
  | 'too_deep'
  | 'handler_failed'
  | 'buffer_full'
  | 'not_serializable'
  | 'too_large'
  | 'transport_unavailable'
  | 'publish_timeout'
  | 'session_unsupported';

/** An error of the bus. Recognise it with `isEventBusError`. */
export interface EventBusError extends Error {
  readonly code: EventBusErrorCode;
  /** With a transport: whether the event may have been sent. Publishing it again with its `id` is safe. */
  readonly outcome?: 'not-sent' | 'unknown';
}

/**
 * What became of a publish. It is read-only. Its fields are getters: a spread leaves them out. `JSON.stringify` and
 * `console.log` show them, with the name and the metadata of the event.
 */
export interface PublishResult {
  /** UUIDv7 (RFC 9562), or the `id` given to `publish`. Generated when first read. */
  readonly id: string;
  /** The clock at the publish, or the `occurredAt` given to `publish`. */
  readonly occurredAt: Date;
  /** How many handlers were called. */
  readonly handlerCount: number;
  /** The handlers that failed, in the order of their failures. */
  readonly failures: readonly HandlerFailure[];
  /**
   * Why the event could not be published. No handler was called then, except on a service bus: there the handlers here
   * may have run although the event was not sent.
   */
  readonly error?: EventBusError | undefined;
}

/** Only in types: the names and the payloads of a map, so that only a function of at least the same events fits. */
type Payloads<Events> = (name: keyof Events) => {
  readonly [Name in keyof Events]-?: (payload: Events[Name]) => Events[Name];
};

/**
 * The function `publish`, alone or on a bus.
 * With `keyof Events & string` in place of `EventName<Events>` the compiler lists the names when one is wrong.
 */
export interface Publish<Events extends object, in Session = never> {
  <Name extends keyof Events & string, Added extends StringValues<Added> = Metadata>(
    name: Name,
    ...payloadAndOptions: PublishArgs<Events, Name, Session, Added>
  ): Promise<PublishResult>;
  /** Only in types: never set. */
  readonly '~publishes'?: Payloads<Events>;
}

/** The function `subscribe`, alone or on a bus. */
export interface Subscribe<Events extends object, out Session = unknown> {
  <Name extends keyof Events & string>(
    name: Name,
    handler: (payload: Events[Name], context: EventContext<Name, Session>) => unknown,
    options?: SubscribeOptions,
  ): Unsubscribe;
  /** Only in types: never set. */
  readonly '~receives'?: Payloads<Events>;
}

/** For a module that only publishes. Any bus with at least these events fits, whole or as `{ publish }`. */
export interface Publisher<Events extends object, Session = never> {
  /**
   * Starts every handler of the event, in subscription order, before it returns. The handlers run concurrently. Resolves
   * when all have settled or are out of time. Never throws and never rejects: what went wrong is in the result and in the
   * log.
   */
  readonly publish: Publish<Events, Session>;
}

/** For a module that only subscribes. Any bus with at least these events fits, whole or as `{ subscribe }`. */
export interface Subscriber<Events extends object, Session = unknown> {
  /**
   * Registers a handler for one event, from the next publish on. A handler registered twice is called twice.
   * @throws TypeError for a bad argument; an error with the code `closed` once `close` was called
   */
  readonly subscribe: Subscribe<Events, Session>;
}

/** A bus of exactly these events. Every member works after destructuring. */
export interface EventBus<Events extends object, Session = unknown>
  extends Publisher<Events, Session>,
    Subscriber<Events, Session> {
  /**
   * Registers a handler for every event; otherwise like `subscribe`.
   * @throws TypeError for a bad argument; an error with the code `closed` once `close` was called
   */
  readonly subscribeAll: (
    handler: (event: EventOf<Events>, context: EventContext<EventName<Events>, Session>) => unknown,
    options?: SubscribeOptions,
  ) => Unsubscribe;
  /**
   * The metadata of the publish that runs the current code; elsewhere an empty object. It is right until the handler's
   * first `await`; with a `contextStorage`, everywhere below the handler.
   */
  readonly getMetadata: () => Metadata;
  /** The session of the publish that runs the current code, under the same conditions as `getMetadata`. */
  readonly getSession: () => Session | undefined;
  /** How many handlers are registered for a name, including those for every event; without a name, how many in all. */
  readonly handlerCount: (name?: EventName<Events>) => number;
  /**
   * Resolves when no handler runs, including the handlers of events that were published meanwhile. A handler that awaits
   * it waits for itself, for ever.
   */
  readonly idle: () => Promise<void>;
  /**
   * Refuses new subscriptions, and waits until no handler runs or `drainTimeoutMs` is over. Publishes are accepted until
   * then. At the end every subscription is removed, and later publishes have an `error` with the code `closed`. Calling it
   * again is harmless; the shortest time limit counts. Works with `await using`.
   * @throws TypeError for a bad option
   */
  readonly close: (options?: CloseOptions) => Promise<void>;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
}

/** How long `close` waits. */
export interface CloseOptions {
  /**
   * Milliseconds to wait for running handlers. Then each `context.signal` is aborted and the bus is closed. With 0 it does
   * not wait. @default 10_000
   */
  readonly drainTimeoutMs?: number | undefined;
}

/** `console`, winston and most loggers fit as they are. */
export interface Logger {
  readonly debug: (message: string, fields: Record<string, unknown>) => unknown;
  readonly warn: (message: string, fields: Record<string, unknown>) => unknown;
  readonly error: (message: string, fields: Record<string, unknown>) => unknown;
}

/** The event on which a handler failed, for an error tracker. */
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

/** A publish, as an observer sees it before the handlers start. */
export interface ObservedPublish {
  readonly name: string;
  readonly payload: unknown;
  /** As the publisher passed them, unchecked. */
  readonly options: PublishOptions | undefined;
  /** How many handlers are registered for the name. */
  readonly handlerCount: number;
}

/** One call of a handler, as an observer sees it. */
export interface ObservedCall {
  readonly handlerName: string;
  readonly payload: unknown;
  readonly context: EventContext;
}

/** An event that a transport delivers, as an observer sees it before the handlers start. */
export interface ObservedDelivery {
  readonly name: string;
  readonly id: string;
  readonly metadata: Metadata;
  /** 1 for the first attempt. */
  readonly attempt: number;
}

/** What becomes of a delivery, as an observer is told. */
export interface ObservedOutcome {
  readonly consumer: string;
  /** `undefined` if the event could not be read. */
  readonly name: string | undefined;
  /** `undefined` if the event could not be read. */
  readonly id: string | undefined;
  /** 1 for the first attempt. */
  readonly attempt: number;
  /**
   * `done`: the attempt succeeded. `retry`: it failed, and the event comes again. `dead`: the event becomes a dead letter.
   * `returned`: this process cannot take it now, so the same attempt comes again. `lost`: another process has the event by
   * now, so what the attempt did here does not count.
   */
  readonly outcome: 'done' | 'retry' | 'dead' | 'returned' | 'lost';
  /** Why it is `retry` or `dead`, in the words of a dead letter. */
  readonly reason: string | undefined;
  /** Milliseconds from the start of the handler until the attempt ended. `undefined` if the handler did not run. */
  readonly durationMs: number | undefined;
}

/**
 * Sees what a bus does, for tracing, timing or metrics. Each function gets what is about to happen, and `run`, which makes
 * it happen. The outcome is that of `run`, whatever the observer does: without a call of `run`, the bus runs it after the
 * observer has returned. What an observer throws is reported to the console once, and reaches nobody else. The first
 * observer is the outermost.
 */
export interface Observer {
  /** Around every publish, including those without handlers and those that are refused. `run` takes metadata to add. */
  readonly publish?:
    | ((event: ObservedPublish, run: (metadata?: Metadata) => Promise<PublishResult>) => unknown)
    | undefined;
  /**
   * Around every call of a handler, outside its `timeoutMs`. `run` returns what the handler returns and throws what it
   * throws.
   */
  readonly handle?: ((call: ObservedCall, run: () => unknown) => unknown) | undefined;
  /** Around every delivery of a transport. */
  readonly deliver?: ((arrival: ObservedDelivery, run: () => Promise<void>) => unknown) | undefined;
  /** Told what becomes of each delivery, as soon as it is decided. The transport carries it out after that. */
  readonly settle?: ((settled: ObservedOutcome) => unknown) | undefined;
  /** Gets every line of the log, beside the logger, whatever `logger` is. */
  readonly log?: ((level: keyof Logger, message: string, fields: Record<string, unknown>) => unknown) | undefined;
}

/** How a bus behaves. */
export interface EventBusOptions {
  /** @default `warn` and `error` go to `console`, `debug` goes nowhere */
  readonly logger?: Logger | undefined;
  /** Called for every handler failure, beside the log. */
  readonly onFailure?: ((event: FailedEvent, failure: HandlerFailure) => unknown) | undefined;
  /**
   * Whether a publish of this name logs `event_publishing`.
   * @default `true`, unless the last word of the name is `attempt` or `attempted`
   */
  readonly logPublish?: ((name: string) => boolean) | undefined;
  /**
   * An `AsyncLocalStorage` for this bus alone. With it, `getMetadata`, `getSession` and `current` of the option `metadata`
   * are right everywhere below a handler; without it, until the handler's first `await`.
   */
  readonly contextStorage?: ContextStorage | undefined;
  /**
   * Called for every publish. What it returns is added to the publish's metadata. `current` is the metadata of the handler
   * that publishes; an empty object outside of handlers.
   * @example
   * createEventBus<AppEvents>({ metadata: ({ trace_id = crypto.randomUUID() }) => ({ trace_id }) });
   */
  readonly metadata?: ((current: Metadata) => Metadata) | undefined;
  /** What sees every publish, call and log line of the bus. */
  readonly observers?: readonly Observer[] | undefined;
}
