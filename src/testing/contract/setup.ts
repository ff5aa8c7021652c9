import type { Transport, TransportFeatures } from '../../transport/index.ts';

/** A transaction of the publisher's database. */
export interface ContractTransaction {
  /** What `publish` takes as `session`. */
  readonly session: unknown;
  readonly commit: () => Promise<void>;
  readonly rollBack: () => Promise<void>;
}

/** What a transport is proved with. */
export interface ContractSetup {
  /** The transport of one process. Each call stands for a process of its own, and all of them reach each other. */
  readonly connect: () => Transport;
  /** Milliseconds that a clause waits for what must come. @default 20_000 */
  readonly timeoutMs?: number | undefined;
  /** Milliseconds that a clause waits to see that nothing more comes. @default 200 */
  readonly quietMs?: number | undefined;
  /**
   * Milliseconds after which this transport gives the events of a silent process to another one. A clause keeps handlers
   * running for twice as long. @default 100
   */
  readonly leaseMs?: number | undefined;
  /** Names of headers that this transport uses itself. A clause publishes events that have them already. */
  readonly ownHeaders?: readonly string[] | undefined;
  /**
   * Makes the transport of one process silent, as if the process was killed or frozen: it does not close, and sends no
   * sign of life. Handlers that run go on, and may return. Needed for durable transports.
   */
  readonly kill?: ((transport: Transport) => Promise<void> | void) | undefined;
  /** Begins a transaction that `publish` can take as `session`. Needed for transports that enlist. */
  readonly begin?: (() => Promise<ContractTransaction>) | undefined;
  /** Puts a message at the broker without mapbus, as a foreign producer does. Left out, nothing foreign is tried. */
  readonly publishForeign?:
    | ((name: string, body: Uint8Array, headers: Readonly<Record<string, string | null>>) => Promise<void>)
    | undefined;
}

/** One promise of every transport, or of those that have the features that it needs. */
export interface ContractClause {
  readonly name: string;
  readonly needs: readonly (keyof TransportFeatures)[];
  /** Whether nothing may run beside it, since it counts what keeps the whole process alive. */
  readonly alone: boolean;
  /** Resolves if the promise is kept. Rejects with what is wrong. */
  readonly run: (setup: ContractSetup) => Promise<void>;
}
