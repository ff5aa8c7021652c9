import type { EventName, Publish, Subscribe } from '../bus/types.ts';
import type { Received, Refused, SendableName } from '../service/received.ts';

/**
 * What a `BroadcastChannel`, a `MessagePort`, a `Worker`, a `WebSocket`, an `EventSource` and a child process of Node
 * already are. A port with `postMessage` carries structured clones. Any other port carries JSON.
 */
export interface LinkPort {
  readonly postMessage?: ((message: never) => unknown) | undefined;
  readonly send?: ((message: never) => unknown) | undefined;
  /** The listener gets an event with the message as its `data`. */
  readonly addEventListener?: ((type: 'message', listener: (event: object) => void) => void) | undefined;
  readonly removeEventListener?: ((type: 'message', listener: (event: object) => void) => void) | undefined;
  /** The listener gets the message itself. Used if there is no `addEventListener`. */
  readonly on?: ((type: 'message', listener: (message: unknown) => void) => unknown) | undefined;
  readonly off?: ((type: 'message', listener: (message: unknown) => void) => unknown) | undefined;
  readonly start?: (() => void) | undefined;
}

/** A bus, or the part of it that a link needs: `subscribe` to send, `publish` to receive. */
export interface LinkedBus<Sent extends object, Taken extends object> {
  readonly subscribe?: Subscribe<Sent>;
  readonly publish?: Publish<Taken>;
}

/** Why a message was not taken. */
export type RefusedReason =
  /** It is no event of a link or of an event stream. */
  | 'not_cloudevent'
  /** Its name is not in `receive`. */
  | 'name'
  /** It has passed more than 8 links. */
  | 'hops';

/** Which events go through a link, and how. */
export interface LinkOptions<Send extends string, Receive extends string> {
  /** The events that leave. @default none */
  readonly send?: readonly Send[] | undefined;
  /** The events that may enter. All else that arrives is ignored. @default none */
  readonly receive?: readonly Receive[] | undefined;
  /** Whether metadata leaves, and whether metadata that arrives is believed. @default false */
  readonly metadata?: boolean | undefined;
  /** The name of the link in logs and failures. @default `link` */
  readonly name?: string | undefined;
  /** Ends the link when aborted. If it is aborted already, nothing is linked. */
  readonly signal?: AbortSignal | undefined;
  /** Called for each message that was not taken. A message that came before, or from here, is no such message. */
  readonly onRefused?: ((reason: RefusedReason, message: unknown) => unknown) | undefined;
}

interface Posts {
  postMessage(message: never): unknown;
}

interface Sends {
  // Optional, since that of `process` is.
  send?: ((message: never) => unknown) | undefined;
}

/** The names that may leave by a port. What carries JSON takes only payloads that JSON carries. */
export type NameToSend<Events extends object, Port> = [Port] extends [Posts]
  ? keyof Events & string
  : [Port] extends [Posts | Sends]
    ? SendableName<Events>
    : never;

/** The names that may enter by a port. By JSON, only those whose payload fits what JSON makes of it. */
export type NameToReceive<Events extends object, Port> = [Port] extends [Posts]
  ? keyof Events & string
  : NameKeptByJson<Events>;

/** The names whose handlers may get what JSON makes of the payload: it fits the payload. */
type NameKeptByJson<Events extends object> = [ChangedName<Events>] extends [never]
  ? keyof Events & string
  :
      | Exclude<EventName<Events>, ChangedName<Events>>
      // Nothing fits the second. It is there for the message of the compiler.
      | (string & Refused<{ [Name in ChangedName<Events>]: ArrivesAs<Received<Events[Name]>> }>);

type ChangedName<Events extends object> = {
  [Name in EventName<Events>]: [Received<Events[Name]>] extends [Events[Name]] ? never : Name;
}[EventName<Events>];

/** Only for messages of the compiler: JSON makes this of the payload. */
export interface ArrivesAs<in Payload> {
  readonly '~arrives as': (payload: Payload) => void;
}
