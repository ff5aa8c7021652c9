import type { EventBus, EventName, HandlerFailure, Metadata, Publish, PublishOptions } from '../bus/types.ts';
import { ON_ATTEMPT_FAILED } from '../service/attempt-failures.ts';
import type { ConsumerContext, DeadLetter, ServiceBus } from '../service/types.ts';
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

/** One attempt of a consumer. */
export interface RecordedAttempt {
  readonly consumer: string;
  readonly eventName: string;
  /** What the consumer got. */
  readonly payload: unknown;
  readonly id: string;
  readonly attempt: number;
}

/** A handler or a consumer that failed, and on which event. */
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
  /** The handlers that have failed, once their publish has settled; with a service bus also attempts of consumers. */
  readonly failures: () => readonly RecordedFailure[];
  /** Throws if there are `failures`. The message names the events, the handlers and the reasons. */
  readonly expectNoFailures: () => void;
  /** Resolves when no handler runs, including the handlers of events that handlers publish. */
  readonly waitForIdle: () => Promise<void>;
}

/** A service bus, and what is published, consumed and given up through it. */
export interface ServiceRecording<Events extends object, Session> extends Omit<Recording<Events, Session>, 'bus'> {
  /** Give this one to the code under test. */
  readonly bus: ServiceBus<Events, Session>;
  /** Every attempt of a consumer that was registered through this bus, or of one of them, in the order of their starts. */
  readonly consumed: (consumer?: string) => readonly RecordedAttempt[];
  /** The dead letters of the service, the oldest first: 100 at most. */
  readonly deadLettered: () => Promise<readonly DeadLetter[]>;
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
 * Records what is published through a bus, for tests; with a service bus also what is consumed.
 * @example
 * const { bus, published, expectNoFailures, waitForIdle } = recordEvents(createEventBus<AppEvents>());
 * await signUp(bus, 'ada@example.com');
 * await waitForIdle();
 * expect(published('user.registered')).toEqual([{ email: 'ada@example.com' }]);
 * expectNoFailures();
 */
export function recordEvents<Events extends object, Session = unknown>(
  bus: ServiceBus<Events, Session>,
): ServiceRecording<Events, Session>;
export function recordEvents<Events extends object, Session = unknown>(
  bus: EventBus<Events, Session>,
): Recording<Events, Session>;
export function recordEvents<Events extends object, Session = unknown>(
  bus: EventBus<Events, Session> | ServiceBus<Events, Session>,
): Recording<Events, Session> {
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
    ...('consume' in bus && recordConsumers(bus, publish, (failure) => failures.push(failure))),
  };
}

type AnyConsume = (
  names: string | readonly string[],
  consumer: string,
  handler: (payload: unknown, context: ConsumerContext) => unknown,
  options?: object,
) => unknown;

/** What a recording has beside that for a service bus. */
const recordConsumers = <Events extends object, Session>(
  bus: ServiceBus<Events, Session>,
  publish: Publish<Events, Session>,
  recordFailure: (failure: RecordedFailure) => unknown,
) => {
  const attempts: RecordedAttempt[] = [];
  const { consume: register, deadLetters } = bus;
  const onFailure: unknown = Reflect.get(bus, ON_ATTEMPT_FAILED);
  if (typeof onFailure === 'function') onFailure(recordFailure);

  const consume: AnyConsume = (names, consumer, handler, options) => {
    const recorded = (payload: unknown, context: ConsumerContext) => {
      const { name: eventName, id, attempt } = context;
      attempts.push({ consumer, eventName, payload: copyPlain(payload), id, attempt });
      return handler(payload, context);
    };
    // A handler that is none is left to the bus to refuse.
    return (register as AnyConsume)(names, consumer, typeof handler === 'function' ? recorded : handler, options);
  };
  return {
    bus: { ...bus, publish, consume: consume as ServiceBus<Events, Session>['consume'] },
    consumed: (consumer?: string) => attempts.filter((one) => consumer === undefined || one.consumer === consumer),
    deadLettered: async () => (await deadLetters.page()).letters,
  };
};
