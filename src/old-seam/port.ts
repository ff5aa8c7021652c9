import type { TransportFeatures } from '../bus/types.ts';

export type { TransportFeatures };

/** What a transport moves. It knows nothing of payloads or handlers: a body, where to, and what for. */
export interface Message {
  /** `event` goes to every service that asked for its name; `retry` and `dead` only to the service that sends them. */
  readonly kind: 'event' | 'retry' | 'dead';
  /** The name of the event. */
  readonly name: string;
  readonly id: string;
  /** A CloudEvent in structured JSON (`application/cloudevents+json`), or in dead letters whatever came. */
  readonly body: Uint8Array;
  /** Events of one key keep their order. */
  readonly key?: string | undefined;
  /** Strings that travel beside the body. */
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds before a `retry` is delivered. */
  readonly delayMs?: number;
}

/** What a transport brings. */
export type Delivery = Pick<Message, 'body' | 'headers'>;

/** A dead letter as it is shown to `visit`: it stays unless `remove` is what comes back. */
export type VisitDeadLetter = (letter: Delivery) => Promise<'keep' | 'remove'>;

/** Moves messages between processes. One for each bus; whoever writes one proves it by `mapbus/testing`. */
export interface Transport {
  readonly features: TransportFeatures;
  /** Why an event cannot have this name here; nothing if it can. */
  readonly refuseName?: (name: string) => string | undefined;
  /**
   * Resolves once the broker has taken responsibility for the message, and rejects when it has not, or when `signal` is
   * aborted, which messages that are sent at about the same time share. An error may say by an `outcome` of `not-sent`
   * that the broker has certainly not got it.
   */
  readonly send: (message: Message, signal: AbortSignal) => Promise<void>;
  /**
   * Resolves when every event of these names, or of all names for `undefined`, reaches `deliver` from now on, and goes on
   * through every trouble with the broker until `stop`. Called again with more names. What `deliver` returns resolves
   * when the message may be forgotten; if it rejects, or the process dies before, the message must come again.
   */
  readonly receive: (
    names: ReadonlySet<string> | undefined,
    deliver: (delivery: Delivery) => Promise<void>,
  ) => Promise<void>;
  /** Stops deliveries and gives back what has not been delivered. Those that run may still be acknowledged. */
  readonly stop: () => Promise<void>;
  /** Disconnects. Leaves everything at the broker as it is. */
  readonly close: () => Promise<void>;
  /** Resolves when nothing is on its way, for transports that can know. */
  readonly idle?: () => Promise<void>;
  /** Goes once through the dead letters of the service. */
  readonly visitDeadLetters?: (visit: VisitDeadLetter) => Promise<void>;
}
