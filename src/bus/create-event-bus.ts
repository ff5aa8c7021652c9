import { check, checkOptions, type Known } from '../shared/check.ts';
import { type Count, createCount } from '../shared/count.ts';
import { ASYNC_DISPOSE } from '../shared/dispose.ts';
import { within } from '../shared/time-limit.ts';
import { createDispatch } from './dispatch.ts';
import { abortAll, NO_METADATA, type Signals } from './event.ts';
import type { Call, EventBusOptions, Reporter, UntypedBus } from './parts.ts';
import { createPublish } from './publish.ts';
import { createRegistry } from './registry.ts';
import { createReporter } from './report.ts';
import { createSubscribe } from './subscribe.ts';
import type { CloseOptions, EventBus, SubscribeOptions } from './types.ts';

const KNOWN_OPTIONS: Known = {
  logger: ['debug', 'warn', 'error'],
  onFailure: 'function',
  contextStorage: ['run', 'getStore'],
  logPublish: 'function',
  transport: ['attach'],
};

/** Waits for what is in flight as long as the time limit allows, then aborts the signals of what still is. */
const createClose = ({ log }: Reporter, { idle, inFlight }: Count, signals: Signals) => {
  let closing: Promise<void> | undefined;
  const late = () => {
    log('warn', 'event_bus_drain_timed_out', { inFlight: inFlight() });
    abortAll(signals, new DOMException('[mapbus] The bus is closed', 'AbortError'));
  };
  const close = (options: CloseOptions = {}): Promise<void> => {
    checkOptions('close options', options, { drainTimeoutMs: 'positive milliseconds' });
    closing ??= within(options.drainTimeoutMs ?? 10_000, idle(), late);
    return closing;
  };
  return { close, isClosed: () => closing !== undefined };
};

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
  const { add, handlersOf, count } = createRegistry();
  const reporter = createReporter(options);
  const flights = createCount();
  const signals: Signals = { controllers: new Set(), reason: undefined };
  const { dispatch, current } = createDispatch(reporter, flights);
  const parts = { handlersOf, reporter, dispatch, signals };
  const { close, isClosed } = createClose(reporter, flights, signals);
  const register = createSubscribe(add, contextStorage, isClosed);
  const context = () => (contextStorage ? contextStorage.getStore() : current());
  const bus = {
    subscribe: (name: string, handler: Call, subscribeOptions?: SubscribeOptions) => {
      check('event name', name, 'string');
      return register(name, handler, subscribeOptions);
    },
    subscribeAll: (handler: Call, subscribeOptions?: SubscribeOptions) =>
      register(undefined, handler, subscribeOptions),
    publish: createPublish(parts, isClosed),
    getMetadata: () => context()?.metadata ?? NO_METADATA,
    getSession: () => context()?.session,
    handlerCount: count,
    ready: async () => {},
    idle: flights.idle,
    close,
    [ASYNC_DISPOSE]: () => close(),
  };
  // Inside, a name is a string and a payload unknown; which go together is for the types of the door.
  const local = bus as unknown as UntypedBus;
  return (transport ? transport.attach({ ...parts, local }) : local) as unknown as EventBus<Events, Session>;
};
