import type { EventBus, EventName, Metadata, PublishOptions } from '../bus/types.ts';

/** One publish, as it was made. */
export interface RecordedEvent<Name extends string, Payload> {
  readonly name: Name;
  readonly payload: Payload;
  readonly metadata: Metadata;
}

/** A bus, and what is published through it. */
export interface Recording<Events extends object, Session> {
  /** Give this one to what is tested. */
  readonly bus: EventBus<Events, Session>;
  /** The payloads of a name, in the order of their publishes. */
  readonly published: <Name extends EventName<Events>>(name: Name) => readonly Events[Name][];
  /** Every publish, in order. */
  readonly all: () => readonly RecordedEvent<EventName<Events>, Events[EventName<Events>]>[];
  /** Resolves when nothing is in flight, what handlers publish included. */
  readonly waitForIdle: () => Promise<void>;
}

/**
 * Records what is published through a bus, for tests.
 * @example
 * const { bus, published, waitForIdle } = recordEvents(createEventBus<AppEvents>());
 * await signUp(bus, 'ada@example.com');
 * await waitForIdle();
 * expect(published('user.registered')).toEqual([{ email: 'ada@example.com' }]);
 */
export const recordEvents = <Events extends object, Session = unknown>(
  bus: EventBus<Events, Session>,
): Recording<Events, Session> => {
  type Recorded = RecordedEvent<EventName<Events>, Events[EventName<Events>]>;
  const events: Recorded[] = [];
  const publish: EventBus<Events, Session>['publish'] = (name, ...args) => {
    const [payload, options] = args as [Events[typeof name], PublishOptions<Session>?];
    events.push({ name, payload, metadata: { ...options?.metadata } });
    return bus.publish(name, ...args);
  };
  const published = <Name extends EventName<Events>>(name: Name) =>
    events.flatMap((event) => (event.name === name ? [event.payload as Events[Name]] : []));
  return { bus: { ...bus, publish }, published, all: () => [...events], waitForIdle: bus.idle };
};
