import type { CloseOptions, EventBus, SubscribeOptions } from '../types.ts';
import { check, checkOptions, type Known } from './check.ts';
import { type Count, createCount } from './count.ts';
import { createDispatch } from './dispatch.ts';
import { NO_METADATA, type Publication, type Signals } from './event.ts';
import { createPublish } from './publish.ts';
import { type Call, createRegistry } from './registry.ts';
import { createReporter, type Reporter } from './report.ts';
import { createSubscribe } from './subscribe.ts';
import { ASYNC_DISPOSE } from './symbols.ts';
import type { EventBusOptions, UntypedBus } from './transport.ts';
import { within } from './within.ts';

const KNOWN_OPTIONS: Known = {
  logger: ['debug', 'warn', 'error'],
  onFailure: 'function',
  contextStorage: ['run', 'getStore'],
  logPublish: 'function',
  transport: ['attach'],
};

/** Waits for what is in flight as long as the time limit allows, then aborts the signals of what still is. */
const createClose = (reporter: Reporter, flights: Count, signals: Signals) => {
  let closing: Promise<void> | undefined;
  const late = () => {
    reporter.log('warn', 'event_bus_drain_timed_out', { inFlight: flights.inFlight() });
    signals.reason = new DOMException('[mapbus] The bus is closed', 'AbortError');
    for (const controller of signals.controllers) controller.abort(signals.reason);
  };
  const close = (options: CloseOptions = {}): Promise<void> => {
    checkOptions('close options', options, { drainTimeoutMs: 'positive milliseconds' });
    closing ??= within(options.drainTimeoutMs ?? 10_000, flights.idle(), late);
    return closing;
  };
  return { close, isClosed: () => closing !== undefined };
};

type HandlerOfAll = (event: { name: string; payload: unknown }, context: Publication) => unknown;

/**
 * Creates an event bus.
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
  const flights = createCount();
  const signals: Signals = { controllers: new Set(), reason: undefined };
  const { dispatch, current } = createDispatch(reporter, flights);
  const parts = { registry, reporter, dispatch, signals };
  const { close, isClosed } = createClose(reporter, flights, signals);
  const register = createSubscribe(registry, contextStorage, isClosed);
  const context = () => (contextStorage ? contextStorage.getStore() : current());
  const bus = {
    subscribe: (name: string, handler: Call, subscribeOptions?: SubscribeOptions) => {
      check('event name', name, 'string');
      return register(name, handler, handler, subscribeOptions);
    },
    subscribeAll: (handler: HandlerOfAll, subscribeOptions?: SubscribeOptions) =>
      register(undefined, handler, (payload, event) => handler({ name: event.name, payload }, event), subscribeOptions),
    publish: createPublish(parts, isClosed),
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
  return (transport ? transport.attach({ ...parts, local }) : local) as unknown as EventBus<Events, Session>;
};
