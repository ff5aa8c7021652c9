/**
 * The in-process event bus: `import { createEventBus } from 'mapbus'`.
 * @module
 */

export { assertHandled } from './bus/assert-handled.ts';
export { createEventBus } from './bus/create-event-bus.ts';
export { type EventIterator, type EventsOfOptions, eventsOf } from './bus/events-of.ts';
export { type Latest, latestOf } from './bus/latest-of.ts';
export { publishEvent } from './bus/publish-event.ts';
export { subscribeEach } from './bus/subscribe-each.ts';
export type {
  CloseOptions,
  ContextStorage,
  EventBus,
  EventBusError,
  EventBusErrorCode,
  EventBusOptions,
  EventContext,
  EventHandler,
  EventHandlers,
  EventInfo,
  EventName,
  EventOf,
  EventPayload,
  FailedEvent,
  HandlerFailure,
  Logger,
  Metadata,
  ObservedCall,
  ObservedDelivery,
  ObservedOutcome,
  ObservedPublish,
  Observer,
  Publish,
  PublishArgs,
  Publisher,
  PublishOptions,
  PublishResult,
  ReceivedEvent,
  Subscribe,
  SubscribeOptions,
  Subscriber,
  Unsubscribe,
} from './bus/types.ts';
export { type WaitForOptions, type WaitForWantedOptions, waitFor } from './bus/wait-for.ts';
export { withMetadata } from './bus/with-metadata.ts';
export { isEventBusError } from './shared/errors.ts';
