import type {
  EventBus,
  EventBusOptions,
  EventInfo,
  EventName,
  EventOf,
  FailedEvent,
  Subscriber,
  Unsubscribe,
} from '../bus/types.ts';
import type { AttemptError, Transport } from '../transport/index.ts';
import type { Loss, LostName, Received, ReceivedEvents, Refused, SendableName } from './received.ts';

/** What a consumer gets beside the payload. It is read-only. */
export interface ConsumerContext<Name extends string = string> extends EventInfo<Name> {
  /** Who published: `source` and `id` together identify an event. */
  readonly source: string;
  /** The key of the event, from the option `keys` of the publisher. */
  readonly key: string | undefined;
  /** 1 for the first attempt. */
  readonly attempt: number;
}

/** The context for a name, or for a list of names. An interface, whose members cost nothing until they are read. */
interface ContextOf<Names> extends ConsumerContext {
  readonly name: NameIn<Names>;
}

type NameIn<Names> = Names extends string ? Names : Names extends readonly (infer Name extends string)[] ? Name : never;

/** A function that consumes one event. The attempt succeeds when it returns, or when its promise resolves. */
export type ConsumerHandler<Events extends object, Name extends EventName<Events>> = (
  payload: Received<Events[Name]>,
  context: ConsumerContext<Name>,
) => unknown;

/** Any event of these names as a consumer of several names gets it. Checking `name` narrows `payload`. */
export type ConsumedEvent<Events extends object, Name extends EventName<Events>> = EventOf<
  ReceivedEvents<Events>,
  Name
>;

/** How a consumer runs. Each option has its default in the option `consumers` of the bus. */
export interface ConsumeOptions {
  /** How often an event is tried before it becomes a dead letter. @default 12, which takes about ten minutes */
  readonly maxAttempts?: number | undefined;
  /**
   * Milliseconds before the second attempt. Each later delay is twice as long, up to two minutes, minus up to 25 % at
   * random. @default 1_000
   */
  readonly retryDelayMs?: number | undefined;
  /** Milliseconds from the start of the handler until `context.signal` is aborted and the attempt fails. @default 60_000 */
  readonly timeoutMs?: number | undefined;
  /** How many events are handled at once in this process. @default 10 */
  readonly concurrency?: number | undefined;
  /** Events of one key are handled one at a time, in publish order; a retry holds its key back. @default no order */
  readonly order?: 'key' | undefined;
  /** The name that this consumer had before. Its events are handled here, and it is removed. */
  readonly formerly?: string | undefined;
  /** Milliseconds after which a consumer that no process runs is removed with its events. @default 31 days */
  readonly expiresAfterMs?: number | undefined;
}

/** The function `consume`, alone or on a bus. */
export type Consume<Events extends object> = ConsumeReceived<Events, ReceivedEvents<Events>, SendableName<Events>>;

/** One signature for a name and for a list, so that a wrapper or a fake needs no types of its own. */
interface ConsumeReceived<
  Events extends object,
  Payloads extends { readonly [name: string]: unknown },
  Name extends string,
> {
  /**
   * Registers a durable consumer: it gets each event that is published once it is in force, at least once, in one of the
   * processes of the service that run it. `ready()` tells when it is in force.
   * @param names the event; or a list of events, and then the handler gets `{ name, payload }`
   * @param consumer a name of its own among the consumers of the service: letters, digits, dashes and underscores
   * @returns a function that stops the consumer in this process; its events wait for another
   * @throws TypeError for a bad argument, or a name that is taken in this process; an error with the code `closed`
   */
  <Names extends Name | readonly Name[]>(
    names: Names,
    consumer: string,
    handler: (
      payload: Names extends string ? Payloads[Names] : OneOf<Payloads, Names>,
      context: ContextOf<Names>,
    ) => unknown,
    options?: ConsumeOptions,
  ): Unsubscribe;
  /** Only in types: never set. */
  readonly '~consumes'?: { readonly [Name in keyof Events]: (payload: Events[Name]) => Events[Name] };
}

type OneOf<Payloads extends { readonly [name: string]: unknown }, Names> = Names extends readonly (infer Name extends
  string)[]
  ? { [Each in Name]: { readonly name: Each; readonly payload: Payloads[Each] } }[Name]
  : never;

/** For a module that only consumes. Any service bus with at least these events fits, whole or as `{ consume }`. */
export interface Consumer<Events extends object> {
  readonly consume: Consume<Events>;
}

/** An event that was given up. */
export interface DeadLetter {
  /** Names the letter at the transport. */
  readonly ref: string;
  readonly consumer: string;
  /**
   * `handler_failed`, `non_retryable`, `delivery_limit`, `not_consumed`, `undecodable`, `not_cloudevent` or `too_large`. Over
   * RabbitMQ also `rejected`, `expired` or `maxlen`: the broker gave the event up.
   */
  readonly reason: string;
  /** How many attempts there were. */
  readonly attempt: number;
  readonly error: AttemptError;
  readonly diedAt: Date;
  /** What was published, byte for byte. */
  readonly body: string | Uint8Array;
  /** The event, if the body can be read. */
  readonly event: (FailedEvent & { readonly source: string }) | undefined;
}

/** What an operator does with the dead letters of a service. */
export interface DeadLetters {
  /** Dead letters, the oldest first. Looking never changes anything. */
  readonly page: (query?: {
    readonly consumer?: string | undefined;
    /** The `next` of the page before. The transports of mapbus reject another text with a `TypeError`. */
    readonly after?: string | undefined;
    /** @default 100 */
    readonly limit?: number | undefined;
  }) => Promise<{ readonly letters: readonly DeadLetter[]; readonly next: string | undefined }>;
  /** Gives letters back to their consumers, as first attempts. Resolves with how many there were. */
  readonly redrive: (letters: readonly Pick<DeadLetter, 'ref'>[]) => Promise<number>;
  /** Removes letters. Resolves with how many there were. */
  readonly discard: (letters: readonly Pick<DeadLetter, 'ref'>[]) => Promise<number>;
}

/** How one consumer does in this process. */
export interface ConsumerHealth {
  readonly consumer: string;
  readonly names: readonly string[];
  /** Whether it gets each event that is published now. */
  readonly inForce: boolean;
  /** Handlers that run now, without those whose time is over. */
  readonly running: number;
  /** Handlers that run although their time is over. At `concurrency` of them, the consumer takes no more. */
  readonly abandoned: number;
  readonly lastDeliveryAt: Date | undefined;
  readonly lastFailureAt: Date | undefined;
  readonly lastError: AttemptError | undefined;
}

/** How the service does in this process. */
export interface ServiceHealth {
  readonly connected: boolean;
  /** Since when it is connected, or not. */
  readonly since: Date;
  /** How often a connection was there again after it was lost. `undefined` if the transport does not count it. */
  readonly reconnects: number | undefined;
  /** When the transport has last taken an event from here. */
  readonly lastConfirmAt: Date | undefined;
  readonly consumers: readonly ConsumerHealth[];
}

/** A bus with durable consumers. */
export interface ServiceBus<Events extends object, Session = unknown>
  extends EventBus<Events, Session>,
    Consumer<Events> {
  /**
   * What is published from now on in any process, after its transaction has committed: at most once, without a session.
   * It serves `waitFor`, `eventsOf` and the like.
   * @throws TypeError for a transport that cannot tell
   */
  readonly tail: <Name extends SendableName<Events>>(
    names: readonly Name[],
  ) => Subscriber<Pick<ReceivedEvents<Events>, Name & keyof Events>, never>;
  readonly deadLetters: DeadLetters;
  readonly health: () => ServiceHealth;
  /**
   * How many events wait at the broker for each consumer of the service, retries included, also for one that no process
   * runs. A consumer for which the broker cannot tell is left out. It asks the broker.
   * @throws (rejects with) the error of the broker
   */
  readonly waiting: () => Promise<Readonly<Record<string, number>>>;
  /** What has to exist at the broker for the consumers so far, as lines for an operator. Empty if it needs nothing. */
  readonly plan: () => readonly string[];
  /**
   * Resolves when every consumer so far is in force, and every tail hears what is published.
   * @throws (rejects with) an error with the code `transport_unavailable` when `readyTimeoutMs` is over; it is still tried
   */
  readonly ready: () => Promise<void>;
}

/** How a service bus behaves. */
export interface ServiceBusOptions<Events extends object, Session = unknown>
  extends Omit<EventBusOptions, 'contextStorage'> {
  /** The name that the processes of one deployable share: letters, digits, dashes and underscores, 100 at most. */
  readonly service: string;
  /** Carries events to consumers: `memory()`, or that of a broker or a database. */
  readonly transport: Transport<Session>;
  /** The events that go to consumers: `'all'`, or their names. An event with a payload that JSON cannot carry does not fit. */
  readonly sends: [LostName<Events>] extends [never]
    ? 'all' | readonly (keyof Events & string)[]
    : Refused<{ [Name in LostName<Events>]: Loss<Events[Name]> }> | readonly SendableName<Events>[];
  /** The key of an event, by its name. Consumers with `order: 'key'` get events of one key in publish order. */
  readonly keys?: { readonly [Name in EventName<Events>]?: (payload: Events[Name]) => string } | undefined;
  /** Stands before all names at the broker, for example to share one between stages. @default none */
  readonly namespace?: string | undefined;
  /** The `source` of the CloudEvents that are published here. @default `/{service}` */
  readonly source?: string | undefined;
  /** Milliseconds that a publish waits for the transport. @default 10_000 */
  readonly publishTimeoutMs?: number | undefined;
  /** How many publishes may wait for the transport. The next one fails at once. @default 10_000 */
  readonly maxPendingPublishes?: number | undefined;
  /** How large an event may be on its way, in bytes. @default 262_144 */
  readonly maxEventBytes?: number | undefined;
  /** Milliseconds after which `ready` rejects. @default 30_000 */
  readonly readyTimeoutMs?: number | undefined;
  /** How many events all consumers of this process handle at once. @default no limit */
  readonly concurrency?: number | undefined;
  /** Defaults for `consume`. */
  readonly consumers?: Omit<ConsumeOptions, 'formerly'> | undefined;
  /** `false` for none. @default an `AsyncLocalStorage` */
  readonly contextStorage?: EventBusOptions['contextStorage'] | false;
}
