import type { EventOf, Metadata } from '../bus/types.ts';
import type { ReceivedEvents, SendableName } from '../service/received.ts';

/** Which events browsers can get, and how much is kept for them. */
export interface EventStreamOptions<Name extends string> {
  /** The events that can leave. JSON must carry their payloads. */
  readonly events: readonly Name[];
  /** How many events are kept for browsers that come back. What is older is a gap for them. @default 1_000 */
  readonly replay?: number | undefined;
  /** Milliseconds between signs of life, which keep a proxy from closing a quiet stream. @default 15_000 */
  readonly heartbeatMs?: number | undefined;
  /** How many events may wait for a slow browser. One more ends its stream, and the browser comes back. @default 1_000 */
  readonly highWaterMark?: number | undefined;
}

/** An event of these names as the browser gets it. */
export type StreamedEvent<Events extends object, Name extends string> = EventOf<
  ReceivedEvents<Events>,
  Name & keyof Events & string
>;

/**
 * Whether this browser may see this event. Only `true` is a yes. It is asked for each event and each browser, also on
 * replay. The event is frozen: all browsers share it. Metadata is of the publisher, and never leaves.
 */
export type Allow<Events extends object, Name extends string> = (
  event: StreamedEvent<Events, Name>,
  metadata: Metadata,
) => boolean;

/** The part of a `Request` that is read. */
export interface StreamRequest {
  readonly headers: { get(name: string): string | null };
  readonly signal?: AbortSignal | undefined;
}

/** The part of an `IncomingMessage` of `node:http` that is read. */
export interface NodeRequest {
  readonly headers: { readonly [name: string]: string | readonly string[] | undefined };
}

/** The part of a `ServerResponse` of `node:http` that is used. */
export interface NodeResponse {
  readonly destroyed: boolean;
  writeHead(status: number, headers: Record<string, string>): unknown;
  write(text: string): boolean;
  end(): unknown;
  on(event: 'drain' | 'close' | 'error', listener: () => void): unknown;
}

/** The `Response` of the platform. */
export type StreamResponse = typeof globalThis extends {
  readonly Response: { readonly prototype: infer PlatformResponse };
}
  ? PlatformResponse
  : object;

/** Answers the requests of browsers with a stream of events. */
export interface EventStream<Events extends object, Name extends string> {
  /**
   * Answers a request of an `EventSource`: with the events from now on, or from those that the browser has seen last.
   * @throws TypeError if `allow` is no function
   */
  readonly respond: (request: StreamRequest, allow: Allow<Events, Name>) => StreamResponse;
  /** As `respond`, for `node:http` and what is built on it. */
  readonly respondTo: (request: NodeRequest, response: NodeResponse, allow: Allow<Events, Name>) => void;
  /** How many browsers are connected. */
  readonly openCount: () => number;
  /** Ends every stream. The browsers come back, to whoever listens then. Works with `using`. */
  readonly close: () => void;
  readonly [Symbol.dispose]: () => void;
}

/** The names of a bus that a stream takes. */
export type StreamName<Events extends object> = SendableName<Events>;
