/**
 * The in-memory event bus: `import { createEventBus } from 'mapbus'`.
 * @module
 */

export type { BusTransport, EventBusOptions } from './base/parts.ts';
export type { TransportFeatures } from './base/port.ts';
export { createEventBus } from './core/bus.ts';
export { assertHandled } from './helpers/assert-handled.ts';
export { type EventIterator, type EventsOfOptions, eventsOf } from './helpers/events-of.ts';
export { type WaitForOptions, waitFor } from './helpers/wait-for.ts';
export type {
  CloseOptions,
  ContextStorage,
  EventBus,
  EventBusError,
  EventBusErrorCode,
  EventContext,
  EventHandler,
  EventHandlers,
  EventName,
  EventOf,
  EventPayload,
  FailedEvent,
  HandlerFailure,
  Logger,
  Metadata,
  PublishArgs,
  Publisher,
  PublishOptions,
  PublishResult,
  ReportOptions,
  SubscribeOptions,
  Subscriber,
  Unsubscribe,
} from './types.ts';
