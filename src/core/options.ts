import type { ContextStorage, ReportOptions } from '../types.ts';
import type { BusTransport } from './transport.ts';

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
