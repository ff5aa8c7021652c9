import { createActivity } from '../shared/activity.ts';
import { check, type KnownOptions, readOptions } from '../shared/check.ts';
import { ASYNC_DISPOSE } from '../shared/dispose.ts';
import { createSafeCall } from '../shared/safe-call.ts';
import { createAbortSignals } from './abort-signals.ts';
import { createClose } from './close.ts';
import { createIdClock } from './event-id.ts';
import { createLog } from './log.ts';
import { NO_METADATA } from './metadata.ts';
import { checkObservers, createObservers } from './observers.ts';
import { createPrepare, createPublish } from './publish.ts';
import { type Call, createRegistry } from './registry.ts';
import { createRunHandlers } from './run-handlers.ts';
import { createSubscribe } from './subscribe.ts';
import type { EventBus, EventBusOptions, SubscribeOptions } from './types.ts';

const KNOWN_OPTIONS: KnownOptions = {
  logger: ['debug', 'warn', 'error'],
  onFailure: 'function',
  logPublish: 'function',
  contextStorage: ['run', 'getStore'],
  metadata: 'function',
  observers: 'array',
};

/**
 * Creates a bus, and gives the parts of it that the service bus uses too.
 * @param what the name of the options in messages
 */
export const createBus = <Events extends object, Session = unknown>(options: EventBusOptions, what: string) => {
  const given = readOptions(what, options, KNOWN_OPTIONS);
  const { contextStorage: storage, metadata: addMetadata, observers: observerList = [] } = given;
  checkObservers(what, observerList);

  const { safeCall, report } = createSafeCall();
  const registry = createRegistry();
  const activity = createActivity();
  const signals = createAbortSignals();
  const observers = createObservers(observerList, report);
  const log = createLog(given, observerList, safeCall);
  const { runHandlers, current, isTooDeep } = createRunHandlers(log, activity);
  const { close, isClosing, isClosed } = createClose({ activity, registry, signals, log: log.write });
  const register = createSubscribe({ registry, observers, signals, log, safeCall, storage, isClosing });

  const currentContext = () => (storage ? storage.getStore() : current());
  const getMetadata = () => currentContext()?.metadata ?? NO_METADATA;
  const source = { clock: createIdClock(), signals };
  const prepare = createPrepare({ source, addMetadata, currentMetadata: getMetadata, isClosed, isTooDeep, report });

  // Here every name is a string and every payload is unknown. Only the public types say which of them belong together.
  const bus = {
    subscribe: (name: string, handler: Call, subscribeOptions?: SubscribeOptions) => {
      check('event name', name, 'string');
      return register(name, handler, subscribeOptions);
    },
    subscribeAll: (handler: Call, subscribeOptions?: SubscribeOptions) =>
      register(undefined, handler, subscribeOptions),
    publish: createPublish({ registry, prepare, runHandlers, observers, log: log.write }),
    getMetadata,
    getSession: () => currentContext()?.session,
    handlerCount: (name?: string) => {
      if (name !== undefined) check('event name', name, 'string');
      return registry.count(name);
    },
    idle: activity.idle,
    close,
    [ASYNC_DISPOSE]: () => close(),
  } as unknown as EventBus<Events, Session>;

  const parts = {
    registry,
    activity,
    signals,
    observers,
    log,
    safeCall,
    runHandlers,
    prepare,
    currentContext,
    isClosing,
    isClosed,
  };
  return { bus, parts };
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
  const { bus } = createBus<Events, Session>(options, 'createEventBus options');
  return bus;
};
