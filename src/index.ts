/**
 * The in-memory event bus: `import { createEventBus } from 'mapbus'`.
 * @module
 */

export { assertHandled } from './bus/assert-handled.ts';
export { createEventBus } from './bus/create-event-bus.ts';
export { type EventIterator, type EventsOfOptions, eventsOf } from './bus/events-of.ts';
export type { BusTransport, EventBusOptions, TransportFeatures } from './bus/parts.ts';
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
} from './bus/types.ts';
export { type WaitForOptions, waitFor } from './bus/wait-for.ts';
