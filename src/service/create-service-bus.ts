import { AsyncLocalStorage } from 'node:async_hooks';
import { Buffer } from 'node:buffer';
import { createBus } from '../bus/create-event-bus.ts';
import { ERROR, IS_LOCAL, MOMENT, type Publication, SESSION } from '../bus/publication.ts';
import { invalidOptions, refuse } from '../bus/publish.ts';
import type {
  ContextStorage,
  EventBusError,
  EventBusOptions,
  EventContext,
  Metadata,
  PublishOptions,
  PublishResult,
} from '../bus/types.ts';
import { check, isObject, type KnownOptions, readOptions } from '../shared/check.ts';
import { ASYNC_DISPOSE } from '../shared/dispose.ts';
import { createError, isEventBusError } from '../shared/errors.ts';
import { whenSettled } from '../shared/promises.ts';
import { within } from '../shared/time-limit.ts';
import type { Connection, Message } from '../transport/index.ts';
import { createAttemptFailures, ON_ATTEMPT_FAILED } from './attempt-failures.ts';
import { attemptOf, belongsTo } from './consumer-context.ts';
import { createConsumers } from './consumers.ts';
import { createDeadLetters } from './dead-letters.ts';
import { createSeal } from './envelope.ts';
import { createGate } from './gate.ts';
import { checkConsumerDefaults, checkIdentifier } from './options.ts';
import { createSend, type Sent } from './send.ts';
import { createTails } from './tail.ts';
import type { ServiceBus, ServiceBusOptions } from './types.ts';

const KNOWN_OPTIONS: KnownOptions = {
  service: 'string',
  transport: ['connect'],
  sends: 'anything',
  keys: 'object',
  namespace: 'string',
  source: 'string that is not empty',
  publishTimeoutMs: 'positive milliseconds',
  maxPendingPublishes: 'positive integer',
  maxEventBytes: 'positive integer',
  readyTimeoutMs: 'positive milliseconds',
  concurrency: 'positive integer',
  consumers: 'object',
  contextStorage: 'anything',
  logger: 'anything',
  onFailure: 'anything',
  logPublish: 'anything',
  metadata: 'anything',
  observers: 'anything',
};
/** How long the transport has to carry out the last outcomes and to disconnect. */
const GRACE_MS = 5_000;

// The years 0 to 9999 of RFC 3339, in milliseconds since 1970.
const FIRST_TIME = Date.parse('0000-01-01T00:00:00.000Z');
const LAST_TIME = Date.parse('9999-12-31T23:59:59.999Z');

type AnyEvents = Record<string, unknown>;

/** The context that a publish is made in. */
type Parent = NonNullable<PublishOptions['from']> | undefined;

const sessionOf = (context: Parent): unknown => {
  try {
    return context && 'session' in context ? context.session : undefined;
  } catch {
    return undefined;
  }
};

/** `null` is no session. */
const sessionIn = (publication: Publication): unknown => publication[SESSION] ?? undefined;

const ignore = () => {};

/** @throws TypeError for a bad option */
const checkServiceOptions = (options: ServiceBusOptions<AnyEvents, unknown>): void => {
  const what = 'createServiceBus options';
  readOptions(what, options, KNOWN_OPTIONS);
  check(`${what}.transport`, options.transport, ['connect']);
  checkIdentifier(`${what}.service`, options.service);
  const { contextStorage } = options;
  if (contextStorage !== undefined && contextStorage !== false)
    check(`${what}.contextStorage`, contextStorage, ['run', 'getStore']);
  if (options.namespace !== undefined && options.namespace !== '')
    checkIdentifier(`${what}.namespace`, options.namespace);
  const sends: unknown = options.sends;
  if (sends !== 'all' && !(Array.isArray(sends) && sends.every((name) => typeof name === 'string' && name !== '')))
    throw new TypeError(
      `[mapbus] ${what}.sends: expected "all" or a list of event names, got ${JSON.stringify(sends)}`,
    );
  const names = Object.keys(options.keys ?? {});
  readOptions(`${what}.keys`, options.keys ?? {}, Object.fromEntries(names.map((name) => [name, 'function'] as const)));
  checkConsumerDefaults(`${what}.consumers`, options.consumers ?? {});
};

const NO_HEADERS: Message['headers'] = Object.freeze({});
const headersOf = ({ traceparent, tracestate }: Metadata): Message['headers'] => {
  if (traceparent === undefined && tracestate === undefined) return NO_HEADERS;
  return { ...(traceparent !== undefined && { traceparent }), ...(tracestate !== undefined && { tracestate }) };
};

/** @throws TypeError for what a transport must not return */
const checkConnection = (connection: Connection): void => {
  check('transport.connect()', connection, ['publish', 'declare', 'consume', 'health', 'close']);
  check('transport.connect().features', connection.features, 'object');
};

/**
 * Creates a bus with durable consumers.
 * @throws TypeError for an unknown option, or one of a wrong type
 * @example
 * const bus = createServiceBus<AppEvents>({ service: 'shop', transport: memory(), sends: ['order.placed'] });
 * bus.consume('order.placed', 'charge-card', async ({ total }, { id, signal }) => charge(id, total, signal));
 * await bus.ready();
 * await bus.publish('order.placed', { total: 3 });
 */
export const createServiceBus = <Events extends object, Session = unknown>(
  options: ServiceBusOptions<Events, Session>,
): ServiceBus<Events, Session> => {
  checkServiceOptions(options as unknown as ServiceBusOptions<AnyEvents, unknown>);
  const { service, transport, namespace = '', source = `/${service}`, contextStorage } = options;
  const { logger, onFailure, logPublish, metadata, observers: observerList } = options;
  const { publishTimeoutMs = 10_000, maxPendingPublishes = 10_000, readyTimeoutMs = 30_000 } = options;
  const ownStorage = contextStorage === undefined ? new AsyncLocalStorage<EventContext>() : undefined;
  const storage: ContextStorage | undefined = contextStorage || ownStorage;
  const sends: ReadonlySet<string> | 'all' =
    options.sends === 'all' ? 'all' : new Set(options.sends as unknown as readonly string[]);
  const keys = new Map(Object.entries(options.keys ?? {})) as Map<string, (payload: unknown) => unknown>;

  const busOptions: EventBusOptions = {
    logger,
    onFailure,
    logPublish,
    metadata,
    observers: observerList,
    contextStorage: storage,
  };
  const { bus, parts } = createBus<Events, Session>(busOptions, 'createServiceBus options');
  const { registry, activity, signals, observers, log, runHandlers, prepare, currentContext, isClosing, isClosed } =
    parts;
  const { handlersOf } = registry;
  const connection = transport.connect({ service, namespace, sends, report: log.write });
  checkConnection(connection);
  const { maxDelayMs, maxBytes = Number.POSITIVE_INFINITY } = connection.features;
  const maxEventBytes = Math.min(options.maxEventBytes ?? 262_144, maxBytes);
  const seal = createSeal(source);
  const { send, refusal } = createSend(connection, activity, { publishTimeoutMs, maxPendingPublishes });
  const failures = createAttemptFailures();
  const timers = new Set<ReturnType<typeof setTimeout>>();
  const consumers = createConsumers({
    connection,
    defaults: options.consumers ?? {},
    isClosing,
    activity,
    attemptFailed: failures.tell,
    log,
    maxDelayMs,
    maxEventBytes,
    observers,
    processGate: createGate(options.concurrency ?? Number.POSITIVE_INFINITY),
    signals,
    timers,
    storage,
  });
  const tails = createTails(connection, log.write, isClosing);
  const warned = new Set<string>();

  const isSent = (name: string): boolean => sends === 'all' || sends.has(name);

  const keyOf = (name: string, payload: unknown): string | undefined => {
    const toKey = keys.get(name);
    if (!toKey) return undefined;
    const key = toKey(payload);
    // A promise is refused, and its rejection must not end the process.
    if (isObject(key)) whenSettled(key, ignore, ignore);
    check(`The key of ${name}`, key, 'string');
    return key as string;
  };

  /** What goes to the transport. @throws an error of the bus that says why the event cannot */
  const toMessage = (publication: Publication, payload: unknown, given: PublishOptions | undefined): Message => {
    const session = sessionIn(publication);
    const { name, id } = publication;
    if (given?.key !== undefined)
      throw new TypeError('[mapbus] publish options.key: use the option keys of createServiceBus');
    const refused = connection.refuseName?.(name) ?? (name === '' ? 'expected a name that is not empty' : undefined);
    if (refused) throw createError('invalid_name', `Cannot publish: ${refused}`);
    if (session !== undefined && !connection.features.enlists) {
      const text = `Cannot publish ${name} with a session: this transport cannot insert into it. Use outbox(…) of mapbus/postgres, or leave ${name} out of sends`;
      throw createError('session_unsupported', text);
    }
    const wrongSession = session === undefined ? undefined : connection.refuseSession?.(session);
    if (wrongSession) throw createError('session_unsupported', `Cannot publish ${name}: ${wrongSession}`);
    const full = refusal();
    if (full) throw full;
    const { now } = publication[MOMENT];
    if (!(now >= FIRST_TIME && now <= LAST_TIME))
      throw createError('invalid_options', 'Cannot publish: occurredAt is outside the years 0 to 9999 of RFC 3339');
    const key = keyOf(name, payload);
    const body = seal(publication, now, payload, key);
    const bytes = Buffer.byteLength(body);
    if (bytes > maxEventBytes)
      throw createError(
        'too_large',
        `Cannot publish: ${name} has ${bytes} bytes, and maxEventBytes is ${maxEventBytes}`,
      );
    return { name, id, source, body, key, headers: headersOf(publication.metadata) };
  };

  const notSent = (cause: unknown): EventBusError => {
    const error = isEventBusError(cause) && Object.isExtensible(cause) ? cause : invalidOptions(cause);
    return Object.assign(error, { outcome: error.outcome ?? 'not-sent' });
  };

  /** Once for each name. */
  const warnOnce = (line: string, eventName: string, eventId: string): void => {
    const key = `${line} ${eventName}`;
    if (warned.has(key)) return;
    warned.add(key);
    log.write('warn', line, { eventName, eventId });
  };

  const afterSending = (publication: Publication, { error, unrouted }: Sent): PublishResult => {
    const { name, id } = publication;
    if (unrouted) warnOnce('event_unrouted', name, id);
    if (!error) return publication;
    publication[ERROR] = error;
    log.write('error', 'event_publish_failed', { eventName: name, eventId: id, error });
    return publication;
  };

  /** The publishes that are under way with a session, outside of its own handlers. */
  const underWay = new WeakMap<object, Promise<unknown>>();

  const sendAndRun = (
    publication: Publication,
    payload: unknown,
    message: Message,
    isLocal: boolean,
    session: unknown,
  ): Promise<PublishResult> => {
    const handlers = isLocal ? handlersOf(message.name) : [];
    const running = runHandlers(handlers, payload, publication);
    // With a session the handlers go first: one that rolls a savepoint back must not take the event with it.
    if (session !== undefined)
      return running.then(() => send(message, session, (sent) => afterSending(publication, sent)));
    const ended = (sent: Sent) => {
      const after = () => afterSending(publication, sent);
      return handlers.length === 0 ? after() : running.then(after);
    };
    return send(message, undefined, ended);
  };

  /** Says whether the turn has come in time. A handler that publishes without its context would wait for itself. */
  const waitFor = (before: Promise<unknown>): Promise<boolean> =>
    within(
      publishTimeoutMs,
      before.then(() => true),
      () => false,
    );

  /** One publish of a session at a time: a savepoint of one must not take the event of another with it. */
  const inTurn = (
    session: unknown,
    parent: Parent,
    run: () => Promise<PublishResult>,
    busy: () => PublishResult,
  ): Promise<PublishResult> => {
    // What a handler of the session publishes is a part of the publish that is under way.
    if (!isObject(session) || sessionOf(parent) === session) return run();
    const before = underWay.get(session);
    // So that `close` waits also for those that wait.
    activity.start();
    const running = before ? waitFor(before).then((isInTime) => (isInTime ? run() : busy())) : run();
    underWay.set(session, before ? Promise.all([before, running]) : running);
    void running.then(activity.end, activity.end);
    return running;
  };

  const parentOf = (given: PublishOptions | undefined): Parent => {
    if (given === undefined) return currentContext();
    try {
      const context = given.from ?? currentContext();
      attemptOf(context);
      return context;
    } catch {
      // Options that cannot be read are refused soon.
      return undefined;
    }
  };

  const start = (
    name: string,
    payload: unknown,
    given: PublishOptions | undefined,
    observed?: readonly Metadata[],
  ): Promise<PublishResult> => {
    const parent = parentOf(given);
    // `from` may be something else than the context of the attempt.
    const attempt = attemptOf(parent) ?? (given && attemptOf(currentContext()));
    const publishOptions = attempt && parent ? { ...given, from: parent } : given;
    const publication = prepare(name, publishOptions, observed);
    if (attempt) belongsTo(publication, attempt);
    const publishing = startPrepared(publication, name, payload, given, parent);
    attempt?.follow(publishing);
    return publishing;
  };

  const startPrepared = (
    publication: Publication,
    name: string,
    payload: unknown,
    given: PublishOptions | undefined,
    parent: Parent,
  ): Promise<PublishResult> => {
    const { error } = publication;
    if (error) return Promise.resolve(refuse(publication, notSent(error), log.write));
    const isLocal = publication[IS_LOCAL];
    if (!isSent(name) && consumers.wants(name)) warnOnce('event_not_sent', name, publication.id);
    if (!isSent(name)) return runHandlers(isLocal ? handlersOf(name) : [], payload, publication);
    let message: Message;
    try {
      message = toMessage(publication, payload, given);
    } catch (cause) {
      return Promise.resolve(refuse(publication, notSent(cause), log.write));
    }
    const session = sessionIn(publication);
    const run = (): Promise<PublishResult> => {
      if (!isClosed()) return sendAndRun(publication, payload, message, isLocal, session);
      const closed = createError('closed', 'Cannot publish: the bus was closed before its turn came');
      return Promise.resolve(refuse(publication, notSent(closed), log.write));
    };
    const busy = (): PublishResult => {
      const text = `Cannot publish: the publish of its session before it has not ended within ${publishTimeoutMs} ms; a handler passes { from: context }`;
      return refuse(publication, notSent(createError('publish_timeout', text)), log.write);
    };
    return inTurn(session, parent, run, busy);
  };

  const { publish: observePublish } = observers;
  const publish = (name: string, payload: unknown, given?: PublishOptions): Promise<PublishResult> => {
    if (!observePublish) return start(name, payload, given);
    const seen = { name, payload, options: given, handlerCount: handlersOf(name).length };
    return observePublish(seen, (added) => start(name, payload, given, added));
  };

  let closing: Promise<void> | undefined;
  const disconnect = async (): Promise<void> => connection.close();
  const shutDown = async (stopped: Promise<void>, drained: Promise<void>): Promise<void> => {
    const report = (error: unknown) => log.write('error', 'event_transport_close_failed', { error });
    await drained;
    await within(GRACE_MS, stopped, () => {});
    await within<unknown>(GRACE_MS, tails.stop().catch(report), () => {});
    await within(GRACE_MS, disconnect().catch(report), () => {
      report(createError('timeout', `The transport has not closed within ${GRACE_MS} ms`, { name: 'TimeoutError' }));
    });
    // A handler that still runs must not keep the process alive until its time is over.
    for (const timer of timers) timer.unref?.();
    // On Node 20 each storage that is enabled makes all promises of the process slower.
    ownStorage?.disable();
  };
  const close: ServiceBus<Events, Session>['close'] = (closeOptions) => {
    if (closing) {
      void bus.close(closeOptions);
      return closing;
    }
    // First, since it throws for bad options.
    const drained = bus.close(closeOptions);
    const stopped = consumers.stop();
    closing = shutDown(stopped, drained);
    return closing;
  };
  const ready = async (): Promise<void> => {
    const all = Promise.all([consumers.ready(), tails.ready()]);
    await within<unknown>(readyTimeoutMs, all, () => {
      const text = `Not every consumer and tail is in force within ${readyTimeoutMs} ms`;
      throw createError('transport_unavailable', text, { cause: consumers.trouble() ?? tails.trouble() });
    });
  };
  const idle = async (): Promise<void> => {
    do {
      await activity.idle();
      await connection.idle?.();
    } while (activity.running() > 0);
  };

  const serviceBus = {
    ...bus,
    publish,
    consume: consumers.consume,
    tail: tails.tail,
    deadLetters: createDeadLetters(connection),
    health: () => ({ ...connection.health(), consumers: consumers.health() }),
    ready,
    plan: () => connection.plan?.(consumers.specs()) ?? [],
    idle,
    close,
    [ASYNC_DISPOSE]: () => close(),
    [ON_ATTEMPT_FAILED]: failures.listen,
  };
  return serviceBus as unknown as ServiceBus<Events, Session>;
};
