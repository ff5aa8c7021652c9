import type { AbortSignals } from './abort-signals.ts';
import type { WriteLog } from './log.ts';
import type { Observers } from './observers.ts';
import type { Publication } from './publication.ts';
import type { Prepare } from './publish.ts';
import type { Subscription } from './registry.ts';
import type { RunHandlers } from './run-handlers.ts';
import type { EventBus, EventBusError, PublishResult } from './types.ts';

/** A bus of any names and payloads. */
export type UntypedBus = EventBus<Record<string, unknown>>;

/**
 * What the option `transport` gets of a bus. This type will be removed: RabbitMQ and Kafka will be transports of the service
 * bus.
 */
export interface TransportParts {
  readonly local: UntypedBus;
  readonly handlersOf: (name: string) => readonly Subscription[];
  readonly prepare: Prepare;
  readonly runHandlers: RunHandlers;
  readonly refuse: (publication: Publication, error: EventBusError) => PublishResult;
  readonly settle: (publication: Publication) => PublishResult;
  readonly publishing: ((publication: Publication, handlerCount: number) => void) | undefined;
  readonly log: WriteLog;
  readonly signals: AbortSignals;
  readonly observers: Observers;
}
