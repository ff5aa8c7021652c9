/**
 * What the author of a transport needs: `import type { Transport } from 'mapbus/transport'`.
 * @module
 */

/** What a transport can do. A clause of the contract that needs a feature runs only where it is `true`. */
export interface TransportFeatures {
  /** Accepted events survive the end of every process. */
  readonly durable: boolean;
  /** An event can be inserted into the publisher's session, so that it exists if and only if that commits. */
  readonly enlists: boolean;
  /** Consumers with `order: 'key'` are possible. */
  readonly ordersByKey: boolean;
  /** For those, events of one key keep their order also across event names. */
  readonly ordersAcrossNames: boolean;
  /** `tail` is there. */
  readonly tails: boolean;
  /** `deadLetters` is there. */
  readonly keepsDeadLetters: boolean;
  /** `publish` tells when no consumer anywhere gets an event. */
  readonly tellsUnrouted: boolean;
  /** `deliveries` of a delivery is there, so that an event which kills its process each time becomes a dead letter. */
  readonly countsDeliveries: boolean;
  /** With `order: 'key'`, the attempt of an event that waits for its retry survives the end of its process. */
  readonly keepsAttemptsByKey: boolean;
  /** A consumer that no process has run for `expiresAfterMs` is removed. */
  readonly expiresConsumers: boolean;
  /** `operator` is there. */
  readonly servesOperators: boolean;
  /** The longest delay of a retry, in milliseconds. */
  readonly maxDelayMs: number;
  /** The largest body, in bytes, with room for what the transport adds; `undefined` for no limit. */
  readonly maxBytes: number | undefined;
}

/** An event on its way. */
export interface Message {
  /** The name of the event. */
  readonly name: string;
  readonly id: string;
  readonly source: string;
  /** A CloudEvent 1.0 in structured JSON (`application/cloudevents+json`). */
  readonly body: string;
  /** Events of one key keep their order for consumers with `order: 'key'`. */
  readonly key: string | undefined;
  /** Strings that travel beside the body: `traceparent` and `tracestate`. */
  readonly headers: Readonly<Record<string, string>>;
}

/** What a transport is told of a publish. */
export interface PublishContext {
  /** Aborted when the bus gives up waiting. */
  readonly signal: AbortSignal;
  /** The publisher's session, for transports that enlist. */
  readonly session: unknown;
}

/** A named consumer of the service. Its identity is the service, its name and its event names. */
export interface ConsumerSpec {
  readonly consumer: string;
  /** The names of its events. */
  readonly names: readonly string[];
  /** Events of one key are delivered one at a time, in publish order; a retry holds its key back. */
  readonly order: 'key' | undefined;
  /** How many deliveries may be open at once in this process. */
  readonly concurrency: number;
  /** Milliseconds after which an attempt ends. A lease must be longer, or be extended. */
  readonly timeoutMs: number;
  /**
   * The longest delays that its retries can have, in milliseconds, the shortest first: for a transport that has a place
   * for each. A retry may ask for another delay after a change of these by a deploy.
   */
  readonly retryDelaysMs: readonly number[];
  /** Milliseconds after which a consumer that no process runs is removed with its events. */
  readonly expiresAfterMs: number;
  /**
   * The name that this consumer had before. Its events are delivered here, and it is removed. Old processes may still run
   * it: until they have gone, each event goes to one of the two.
   */
  readonly formerly: string | undefined;
}

/** One event for one consumer. */
export interface Delivery {
  /** What was published, byte for byte. */
  readonly body: string | Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  readonly key: string | undefined;
  /**
   * The attributes of a CloudEvent in binary mode, without their prefix, where the body is the data alone. `undefined`
   * for structured mode.
   */
  readonly attributes?: Readonly<Record<string, string>> | undefined;
  /** 1, or what the `Outcome` of the last delivery said. Never what a foreign producer wrote. */
  readonly attempt: number;
  /** How often this attempt was delivered, if the transport counts it: more than once after a process has died. */
  readonly deliveries: number | undefined;
  /**
   * Aborted when the delivery belongs to another process by now; by the transport's own clock, if the broker does not
   * tell. Its outcome is dropped then. The same event may come to this process again, as another delivery.
   */
  readonly signal: AbortSignal;
}

/** Why an attempt failed, as strings. */
export interface AttemptError {
  readonly name: string;
  readonly message: string;
}

/**
 * What is to become of a delivery. The transport carries it out safely before it acknowledges the original, so that a
 * process that dies at any time leaves the event at the broker.
 */
export type Outcome =
  | { readonly is: 'done' }
  | { readonly is: 'retry'; readonly attempt: number; readonly afterMs: number; readonly error: AttemptError }
  | { readonly is: 'dead'; readonly reason: string; readonly attempt: number; readonly error: AttemptError };

/** Handles one delivery. Never rejects. */
export type Deliver = (delivery: Delivery) => Promise<Outcome>;

/** An event that was given up. */
export interface StoredDeadLetter {
  /** Names the letter at this transport. */
  readonly ref: string;
  readonly consumer: string;
  readonly reason: string;
  readonly attempt: number;
  readonly error: AttemptError;
  readonly diedAt: Date;
  /** What was published, byte for byte, as far as it could be kept. */
  readonly body: string | Uint8Array;
}

/** Which dead letters are asked for. */
export interface DeadLetterQuery {
  readonly consumer?: string | undefined;
  /** The `next` of the page before. */
  readonly after?: string | undefined;
  /** How many at most. */
  readonly limit: number;
}

/** The dead letters of a service. Looking never changes anything. */
export interface DeadLetterStore {
  readonly page: (
    query: DeadLetterQuery,
  ) => Promise<{ readonly letters: readonly StoredDeadLetter[]; readonly next: string | undefined }>;
  /** Gives letters back to their consumers as first attempts; resolves with how many there were. */
  readonly redrive: (refs: readonly string[]) => Promise<number>;
  /** Removes letters; resolves with how many there were. */
  readonly discard: (refs: readonly string[]) => Promise<number>;
}

/** Whether the transport reaches its broker. */
export interface TransportHealth {
  readonly connected: boolean;
  /** Since when. */
  readonly since: Date;
  /** How often a connection was there again after it was lost, if the transport counts it. */
  readonly reconnects?: number | undefined;
}

/** What ends a consumer or a tail in this process. The broker keeps the consumer's events. */
export interface Receiving {
  /** Resolves when no delivery will start any more. Open deliveries may still end with an outcome. */
  readonly stop: () => Promise<void>;
}

/** A consumer of the service, as the broker knows it. */
export interface StoredConsumer {
  readonly consumer: string;
  /** The names of its events, sorted; `undefined` where the broker cannot tell. */
  readonly names: readonly string[] | undefined;
  /** Whether each event that is published now waits for it. It may not, where a part of it was left behind. */
  readonly inForce: boolean;
  /** How many events wait for it, those that wait for a retry included; `undefined` where the broker cannot tell. */
  readonly waiting: number | undefined;
  /** Whether a process runs it, or is about to. Some transports see some seconds later that the last one has gone. */
  readonly isRun: boolean;
  /** How many processes run it; `undefined` where the broker cannot tell. */
  readonly processes: number | undefined;
  /** When a process was last seen to run it, as far as that is noted. */
  readonly lastSeenAt: Date | undefined;
}

/** Something that has to exist at the broker, or that exists and has not to. */
export interface PlanEntry {
  /** Its kind and its name. */
  readonly what: string;
  readonly is: 'present' | 'missing' | 'different' | 'unplanned';
  /** How it differs, or what cannot be compared. */
  readonly detail: string | undefined;
}

/** Names of events, or what says of each name whether it is wanted. */
export type WantedNames = readonly string[] | ((name: string) => boolean);

/** What an operator needs beside the dead letters. Only `remove` changes anything. */
export interface OperatorTools {
  /** The consumers of the service that the broker knows, also those that no process runs, by their names. */
  readonly consumers: () => Promise<readonly StoredConsumer[]>;
  /**
   * Removes a consumer with the events that wait for it. Its dead letters stay. Resolves with whether there was one. A call
   * that was interrupted can be repeated.
   * @throws (rejects with) an error while a process runs it; nothing is removed then
   */
  readonly remove: (consumer: string) => Promise<boolean>;
  /** How what is at the broker differs from what these consumers need, and which consumers are there beside them. */
  readonly compare: (consumers: readonly ConsumerSpec[]) => Promise<readonly PlanEntry[]>;
  /**
   * Tells every event of these names, or of all names that are wanted, that is published from now on, at most once. Makes
   * nothing that stays. Of a name that comes later, the first events may be missed.
   */
  readonly tail: (wanted: WantedNames, tell: (body: string | Uint8Array) => void) => Promise<Receiving>;
}

/** A transport as one bus uses it. */
export interface Connection {
  readonly features: TransportFeatures;
  /** Why an event cannot have this name here. */
  readonly refuseName?: ((name: string) => string | undefined) | undefined;
  /** Why there cannot be this consumer here: its name is too long, or an option cannot be kept. */
  readonly refuseConsumer?: ((consumer: ConsumerSpec) => string | undefined) | undefined;
  /** Why an event cannot be inserted into this session; for transports that enlist. Asked before any handler starts. */
  readonly refuseSession?: ((session: unknown) => string | undefined) | undefined;
  /**
   * Resolves once the transport has taken responsibility for the message. Rejects if it has not; an `outcome` of
   * `'not-sent'` on the error says that it certainly has not. Messages of one key are taken in the order of the calls.
   */
  readonly publish: (message: Message, context: PublishContext) => Promise<{ readonly unrouted?: boolean }>;
  /**
   * Makes the commit of a session fail with this reason, for transports that enlist: an event that belongs to the
   * transaction was refused. Works also after `close`.
   */
  readonly veto?: ((session: unknown, reason: string) => Promise<void>) | undefined;
  /** Resolves when all of these consumers are in force: each event that is published from now on waits for them. */
  readonly declare: (consumers: readonly ConsumerSpec[]) => Promise<void>;
  /**
   * Starts deliveries to a declared consumer, of events with its `names` where the transport can tell, and goes on through
   * trouble with the broker until `stop`. Called again after `stop`, it goes on.
   */
  readonly consume: (consumer: ConsumerSpec, deliver: Deliver) => Promise<Receiving>;
  /** Tells every event of these names that is published from now on, at most once, in each process that asks. */
  readonly tail?:
    | ((names: readonly string[], tell: (body: string | Uint8Array) => void) => Promise<Receiving>)
    | undefined;
  readonly deadLetters?: DeadLetterStore | undefined;
  readonly operator?: OperatorTools | undefined;
  /** What has to exist at the broker for these consumers and for `sends`, as lines for an operator. */
  readonly plan?: ((consumers: readonly ConsumerSpec[]) => readonly string[]) | undefined;
  readonly health: () => TransportHealth;
  /** Resolves when nothing is due here, for transports that can know. */
  readonly idle?: (() => Promise<void>) | undefined;
  /**
   * Disconnects, after what was decided until now is carried out. Aborts the signals of the deliveries that are still
   * open, and gives them back. Leaves everything else at the broker as it is.
   */
  readonly close: () => Promise<void>;
}

/** What a bus tells a transport about itself. */
export interface ConnectionContext {
  /** The name that the processes of this deployable share. */
  readonly service: string;
  /** Stands before all names at the broker; empty for none. */
  readonly namespace: string;
  /** The names of the events that are published here, or `'all'`. */
  readonly sends: ReadonlySet<string> | 'all';
  /** Milliseconds after which the bus gives up waiting for a publish. */
  readonly publishTimeoutMs: number;
  /** For trouble that no call tells of: a line for the log. */
  readonly report: (level: 'debug' | 'warn' | 'error', message: string, fields: Record<string, unknown>) => void;
}

/**
 * Carries events between processes. Write one by following the docs page "Your own transport", and prove it with
 * `transportContract` of `mapbus/testing`.
 */
export interface Transport<in Session = unknown> {
  readonly connect: (context: ConnectionContext) => Connection;
  /** Only in types: the session that it enlists in. Never set. */
  readonly '~session'?: ((session: Session) => void) | undefined;
}
