import type { EventBus, EventName, HandlerFailure, Metadata, Publish, PublishOptions } from '../bus/types.ts';
import { describeError } from '../shared/errors.ts';
import { copyPlain } from './copy-plain.ts';

/** One publish, as the publisher made it. Checking `name` narrows `payload`. */
export type RecordedEvent<Events extends object, Name extends EventName<Events> = EventName<Events>> = {
  [Each in Name]: {
    readonly name: Each;
    /** Plain objects, arrays and dates are copied when published; anything else is kept by reference. */
    readonly payload: Events[Each];
    /** What the publisher passed. */
    readonly metadata: Metadata;
  };
}[Name];

/** A handler that failed, and on which event. */
export interface RecordedFailure extends HandlerFailure {
  readonly eventName: string;
}

/** A bus, and what is published through it. */
export interface Recording<Events extends object, Session> {
  /** Give this one to the code under test. */
  readonly bus: EventBus<Events, Session>;
  /** The payloads of a name, in publish order. */
  readonly published: <Name extends EventName<Events>>(name: Name) => readonly Events[Name][];
  /** Every publish, in order. Publishes that were refused are left out once their promise has resolved. */
  readonly all: () => readonly RecordedEvent<Events>[];
  /** The handlers that have failed, once their publish has settled. */
  readonly failures: () => readonly RecordedFailure[];
  /** Throws if there are `failures`. The message names the events, the handlers and the reasons. */
  readonly expectNoFailures: () => void;
  /** Resolves when no handler runs, including the handlers of events that handlers publish. */
  readonly waitForIdle: () => Promise<void>;
}

const metadataOf = (options: PublishOptions | undefined): Metadata => {
  try {
    return { ...options?.metadata };
  } catch {
    // The bus refuses such options.
    return {};
  }
};

/**
 * Records what is published through a bus, for tests.
 * @example
 * const { bus, published, expectNoFailures, waitForIdle } = recordEvents(createEventBus<AppEvents>());
 * await signUp(bus, 'ada@example.com');
 * await waitForIdle();
 * expect(published('user.registered')).toEqual([{ email: 'ada@example.com' }]);
 * expectNoFailures();
 */
export const recordEvents = <Events extends object, Session = unknown>(
  bus: EventBus<Events, Session>,
): Recording<Events, Session> => {
  const events = new Set<RecordedEvent<Events>>();
  const failures: RecordedFailure[] = [];

  const publish: Publish<Events, Session> = (name, ...args) => {
    const [payload, options] = args;
    const event = { name, payload: copyPlain(payload), metadata: metadataOf(options) } as RecordedEvent<Events>;
    events.add(event);
    const published = bus.publish(name, ...args);
    // Beside the promise of the bus, which the publisher gets as it is: to wrap it would change when it resolves.
    void published.then((result) => {
      if (result.error) events.delete(event);
      failures.push(...result.failures.map((failure) => ({ eventName: name, ...failure })));
    });
    return published;
  };
  const published = <Name extends EventName<Events>>(name: Name): readonly Events[Name][] =>
    [...events].flatMap((event) => (event.name === name ? [event.payload as Events[Name]] : []));
  const expectNoFailures = () => {
    if (failures.length === 0) return;
    const lines = failures.map(
      ({ eventName, handlerName, error }) => `${handlerName} (${eventName}): ${describeError(error).errorMessage}`,
    );
    throw new Error(`[mapbus] Expected that no handler fails, but these failed: ${lines.join('; ')}`);
  };
  return {
    bus: { ...bus, publish },
    published,
    all: () => [...events],
    failures: () => [...failures],
    expectNoFailures,
    waitForIdle: bus.idle,
  };
};
