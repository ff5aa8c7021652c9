import { AsyncLocalStorage } from 'node:async_hooks';
import { createBus } from '../bus/create-event-bus.ts';
import type { ContextStorage, EventBusOptions, EventContext } from '../bus/types.ts';
import { ASYNC_DISPOSE } from '../shared/dispose.ts';
import { createError } from '../shared/errors.ts';
import { createGate } from '../shared/gate.ts';
import { within } from '../shared/time-limit.ts';
import { createAttemptFailures, ON_ATTEMPT_FAILED } from './attempt-failures.ts';
import { createConsumers, toDate } from './consumers.ts';
import { createDeadLetters } from './dead-letters.ts';
import { createToMessage } from './message.ts';
import { createServicePublish } from './publish.ts';
import { createSend } from './send.ts';
import { checkConnection, checkServiceOptions } from './service-options.ts';
import { createSessionTurns } from './session-turns.ts';
import { createSettled } from './settled.ts';
import { createTails } from './tail.ts';
import type { ServiceBus, ServiceBusOptions, ServiceHealth } from './types.ts';
import { createVeto } from './veto.ts';
import { waitingOf } from './waiting.ts';

/** How long the transport has to stop its consumers, and then its tails. */
const STOP_MS = 5_000;
/** How long it has to carry out the last outcomes and to disconnect. */
const DISCONNECT_MS = 10_000;

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
  checkServiceOptions(options as unknown as ServiceBusOptions<Record<string, unknown>, unknown>);
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
  const { registry, activity, signals, observers, log, safeCall, runHandlers, prepare } = parts;
  const { currentContext, isClosing, isClosed } = parts;
  const connection = transport.connect({ service, namespace, sends, publishTimeoutMs, report: log.write });
  checkConnection(connection);
  const { maxDelayMs, maxBytes = Number.POSITIVE_INFINITY } = connection.features;
  if (options.maxEventBytes !== undefined && options.maxEventBytes > maxBytes) {
    // The transport has begun to connect.
    void Promise.resolve(connection.close()).catch(() => {});
    throw new TypeError(
      `[mapbus] createServiceBus options.maxEventBytes: expected ${maxBytes} at most over this transport, got ${options.maxEventBytes}`,
    );
  }
  const maxEventBytes = Math.min(options.maxEventBytes ?? 262_144, maxBytes);
  const { send, refusal, lastConfirmAt } = createSend(connection, activity, { publishTimeoutMs, maxPendingPublishes });
  const failures = createAttemptFailures();
  const timers = new Set<ReturnType<typeof setTimeout>>();
  const consumers = createConsumers({
    owner: `${namespace}/${service}`,
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
    settled: createSettled(observerList ?? [], safeCall),
    signals,
    timers,
    storage,
  });
  const tails = createTails(connection, log.write, isClosing);
  const toMessage = createToMessage({ connection, source, keys, maxEventBytes, refusal });
  const publish = createServicePublish({
    prepare,
    handlersOf: registry.handlersOf,
    runHandlers,
    observers,
    log,
    currentContext,
    isClosed,
    isSent: (name) => sends === 'all' || sends.has(name),
    isWanted: consumers.wants,
    toMessage,
    send,
    inTurn: createSessionTurns(activity, publishTimeoutMs),
    veto: createVeto(connection, publishTimeoutMs, log.write),
  });

  let closing: Promise<void> | undefined;
  const disconnect = async (): Promise<void> => connection.close();
  const shutDown = async (stopped: Promise<void>, drained: Promise<void>): Promise<void> => {
    const report = (error: unknown) => log.write('error', 'event_transport_close_failed', { error });
    await drained;
    await within(STOP_MS, stopped, () => {});
    await within<unknown>(STOP_MS, tails.stop().catch(report), () => {});
    await within(DISCONNECT_MS, disconnect().catch(report), () => {
      report(
        createError('timeout', `The transport has not closed within ${DISCONNECT_MS} ms`, { name: 'TimeoutError' }),
      );
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

  const health = (): ServiceHealth => {
    const { connected, since, reconnects } = connection.health();
    return { connected, since, reconnects, lastConfirmAt: toDate(lastConfirmAt()), consumers: consumers.health() };
  };

  const serviceBus = {
    ...bus,
    publish,
    consume: consumers.consume,
    tail: tails.tail,
    deadLetters: createDeadLetters(connection),
    health,
    waiting: () => waitingOf(connection),
    ready,
    plan: () => connection.plan?.(consumers.specs()) ?? [],
    idle,
    close,
    [ASYNC_DISPOSE]: () => close(),
    [ON_ATTEMPT_FAILED]: failures.listen,
  };
  return serviceBus as unknown as ServiceBus<Events, Session>;
};
