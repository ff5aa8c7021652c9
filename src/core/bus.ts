import type { CloseOptions, EventBus, SubscribeOptions } from '../types.ts';
import { check, checkOptions, type Known } from './check.ts';
import { NO_METADATA, type Publication } from './context.ts';
import { createDispatch } from './dispatch.ts';
import { createFlights, readDrainTimeout } from './flights.ts';
import type { EventBusOptions } from './options.ts';
import { createPublish } from './publish.ts';
import { type Call, createRegistry } from './registry.ts';
import { createReporter } from './report.ts';
import { createSubscribe } from './subscribe.ts';
import { ASYNC_DISPOSE } from './symbols.ts';
import type { UntypedBus } from './transport.ts';

const KNOWN_OPTIONS: Known = {
  logger: ['debug', 'warn', 'error'],
  onFailure: 'function',
  contextStorage: ['run', 'getStore'],
  logPublish: 'function',
  transport: ['attach'],
};

type HandlerOfAll = (event: { name: string; payload: unknown }, context: Publication) => unknown;

/**
 * Creates an in-memory event bus.
 * @throws TypeError for an unknown option, or one of a wrong type
 * @example
 * const bus = createEventBus<{ 'user.registered': { email: string } }>();
 * bus.subscribe('user.registered', ({ email }) => sendWelcomeMail(email));
 * const { failures } = await bus.publish('user.registered', { email: 'ada@example.com' });
 */
export const createEventBus = <Events extends object, Session = unknown>(
  options: EventBusOptions = {},
): EventBus<Events, Session> => {
  checkOptions('createEventBus options', options, KNOWN_OPTIONS);
  const { contextStorage, transport } = options;
  const registry = createRegistry();
  const reporter = createReporter(options);
  const flights = createFlights(reporter);
  const { dispatch, current } = createDispatch(reporter, flights);
  let closing: Promise<void> | undefined;
  const isClosed = () => closing !== undefined;
  const register = createSubscribe(registry, contextStorage, isClosed);
  const context = () => (contextStorage ? contextStorage.getStore() : current());

  const close = (closeOptions?: CloseOptions) => {
    const drainTimeoutMs = readDrainTimeout(closeOptions);
    closing ??= flights.drain(drainTimeoutMs);
    return closing;
  };
  const bus = {
    subscribe: (name: string, handler: Call, subscribeOptions?: SubscribeOptions) => {
      check('event name', name, 'string');
      return register(name, handler, handler, subscribeOptions);
    },
    subscribeAll: (handler: HandlerOfAll, subscribeOptions?: SubscribeOptions) =>
      register(undefined, handler, (payload, event) => handler({ name: event.name, payload }, event), subscribeOptions),
    publish: createPublish(registry, reporter, dispatch, flights.signals, isClosed),
    getMetadata: () => context()?.metadata ?? NO_METADATA,
    getSession: () => context()?.session,
    handlerCount: registry.count,
    ready: async () => {},
    idle: flights.idle,
    close,
    [ASYNC_DISPOSE]: () => close(),
  };
  // Inside, a name is a string and a payload unknown; which go together is for the types of the door.
  const local = bus as unknown as UntypedBus;
  const parts = { local, registry, reporter, dispatch, signals: flights.signals };
  return (transport ? transport.attach(parts) : local) as unknown as EventBus<Events, Session>;
};
