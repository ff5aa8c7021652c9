import type { Unsubscribe } from '../bus/types.ts';
import { check } from '../shared/check.ts';
import { toUnsubscribe } from '../shared/dispose.ts';
import { createError, describeError } from '../shared/errors.ts';
import { jittered } from '../shared/jittered.ts';
import { sleep } from '../shared/sleep.ts';
import type { Connection, ConsumerSpec, Receiving } from '../transport/index.ts';
import { type AnyConsumerHandler, createDeliver, type DeliverParts, type RunningConsumer } from './deliver.ts';
import { checkConsumeOptions, checkIdentifier, consumerSettings } from './options.ts';
import { retryDelays } from './retry-delays.ts';
import type { ConsumeOptions, ConsumerHealth } from './types.ts';

const PAUSE_MS = 1_000;

interface Registered {
  readonly spec: ConsumerSpec;
  readonly running: RunningConsumer;
  /** Once declared, each event waits for it. */
  inForce: boolean;
  /** What the log said last of why it is not in force. */
  toldOf: string | undefined;
  receiving: Receiving | undefined;
}

export interface ConsumersParts extends DeliverParts {
  readonly connection: Connection;
  readonly defaults: ConsumeOptions;
  readonly isClosing: () => boolean;
}

export const toDate = (at: number | undefined) => (at === undefined ? undefined : new Date(at));

/** The consumers of one bus: registers them, and keeps them in force at the transport. */
export const createConsumers = (parts: ConsumersParts) => {
  const { connection, defaults, isClosing, log } = parts;
  const registered = new Map<string, Registered>();
  /** The names that the consumers of this process have asked for. */
  let wanted: ReadonlySet<string> = new Set();
  let isStopped = false;
  let trouble: unknown;
  let work: Promise<void> | undefined;

  const stopReceiving = async (entry: Registered): Promise<void> => {
    const { receiving } = entry;
    entry.receiving = undefined;
    try {
      await receiving?.stop();
    } catch (error) {
      log.write('warn', 'event_consumer_stop_failed', { consumer: entry.spec.consumer, error });
    }
  };

  const receive = async (entry: Registered): Promise<void> => {
    entry.receiving = await connection.consume(entry.spec, createDeliver(parts, entry.running));
    entry.inForce = true;
    entry.toldOf = undefined;
    if (!isWanted(entry)) await stopReceiving(entry);
  };

  const isFull = ({ running }: Registered) => running.abandoned >= running.settings.concurrency;
  const isWanted = (entry: Registered) => !entry.running.isStopped && !isFull(entry);

  /** A consumer whose handlers all hang leaves its events to other processes, until one of them has ended. */
  const abandonedChanged = (entry: Registered): void => {
    if (isFull(entry)) void stopReceiving(entry);
    else if (entry.inForce && !entry.receiving && isWanted(entry)) {
      entry.inForce = false;
      start();
    }
  };

  /** Whether a consumer of this process has this name, or had it before. */
  const isTaken = (name: string): boolean =>
    registered.has(name) || [...registered.values()].some(({ spec }) => spec.formerly === name);
  /** Over one queue, each event would go to one of the two. @throws TypeError */
  const checkFree = (what: string, name: string | undefined): void => {
    if (name === undefined || !isTaken(name)) return;
    throw new TypeError(
      `[mapbus] ${what}: expected a name that no other consumer has or had, got ${JSON.stringify(name)}`,
    );
  };

  const readWanted = (): void => {
    wanted = new Set([...registered.values()].flatMap(({ spec }) => spec.names));
  };

  const missing = () => [...registered.values()].filter(({ inForce }) => !inForce);

  /** The first of several equal errors is an error. The others are only for debugging. */
  const tellFailed = (group: readonly Registered[], error: unknown): void => {
    const consumers = group.map(({ spec }) => spec.consumer);
    const told = `${consumers}: ${describeError(error).errorMessage}`;
    const isNew = group.some(({ toldOf }) => toldOf !== told);
    for (const entry of group) entry.toldOf = told;
    log.write(isNew ? 'error' : 'debug', 'event_consumers_failed', { consumers, error });
  };

  const putOneInForce = async (entries: readonly Registered[]): Promise<void> => {
    await connection.declare(entries.map(({ spec }) => spec));
    for (const entry of entries) await receive(entry);
  };

  /** Puts in force what is not yet, and tries again while the transport is in trouble. */
  const putInForce = async (): Promise<void> => {
    // All consumers of a turn together.
    await undefined;
    let isTogether = true;
    for (let entries = missing(); entries.length > 0 && !isStopped; entries = missing()) {
      // After a failure one by one, so that one that cannot be declared does not keep the others out of force.
      const groups = isTogether ? [entries] : entries.map((entry) => [entry]);
      const wasTogether = isTogether && entries.length > 1;
      for (const group of groups) {
        try {
          await putOneInForce(group);
        } catch (error) {
          trouble = error;
          isTogether = false;
          tellFailed(group, error);
        }
      }
      if (missing().length > 0 && !wasTogether) await sleep(jittered(PAUSE_MS));
    }
    trouble = undefined;
  };
  const start = (): void => {
    work ??= putInForce().finally(() => {
      work = undefined;
      // One may have come when the work was just over.
      if (missing().length > 0 && !isStopped) start();
    });
  };

  const consume = (
    names: string | readonly string[],
    consumer: string,
    handler: AnyConsumerHandler,
    options: ConsumeOptions = {},
  ): Unsubscribe => {
    const list = Array.isArray(names) ? [...new Set<string>(names)] : [names as string];
    for (const name of list) {
      check('event name', name, 'string that is not empty');
      const refusal = connection.refuseName?.(name);
      if (refusal) throw new TypeError(`[mapbus] event name: ${refusal}`);
    }
    if (list.length === 0) throw new TypeError('[mapbus] event names: expected at least one name, got none');
    checkIdentifier('consumer name', consumer);
    check('handler', handler, 'function');
    checkConsumeOptions('consume options', options);
    if (options.formerly === consumer)
      throw new TypeError('[mapbus] consume options.formerly: expected another name than that of the consumer');
    if (isClosing()) throw createError('closed', 'Cannot consume: the bus is closed');
    if (registered.has(consumer))
      throw new TypeError(`[mapbus] consumer name: expected a name of its own, got ${JSON.stringify(consumer)} twice`);
    checkFree('consumer name', consumer);
    checkFree('consume options.formerly', options.formerly);
    const settings = consumerSettings(defaults, options);
    if (settings.order === 'key' && !connection.features.ordersByKey)
      throw new TypeError('[mapbus] consume options.order: this transport cannot order by key');
    const { concurrency, timeoutMs, order, expiresAfterMs, formerly } = settings;
    const entry: Registered = {
      spec: {
        consumer,
        names: list,
        order,
        concurrency,
        timeoutMs,
        retryDelaysMs: retryDelays(settings, connection.features.maxDelayMs),
        expiresAfterMs,
        formerly,
      },
      running: {
        consumer,
        handler,
        isOfSeveral: Array.isArray(names),
        names: new Set(list),
        settings,
        isStopped: false,
        running: 0,
        abandoned: 0,
        lastDeliveryAt: undefined,
        lastFailureAt: undefined,
        lastError: undefined,
        abandonedChanged: () => abandonedChanged(entry),
      },
      inForce: false,
      toldOf: undefined,
      receiving: undefined,
    };
    const refusal = connection.refuseConsumer?.(entry.spec);
    if (refusal) throw new TypeError(`[mapbus] consumer: ${refusal}`);
    registered.set(consumer, entry);
    readWanted();
    start();
    return toUnsubscribe(() => {
      entry.running.isStopped = true;
      if (registered.get(consumer) === entry) registered.delete(consumer);
      readWanted();
      void stopReceiving(entry);
    });
  };

  /** @throws (rejects with) an error when the bus is closed before all are in force */
  const ready = async (): Promise<void> => {
    while (work) await work;
    if (isStopped && missing().length > 0)
      throw createError('closed', 'The bus was closed before all consumers were in force');
  };

  const stop = async (): Promise<void> => {
    isStopped = true;
    const entries = [...registered.values()];
    for (const { running } of entries) running.isStopped = true;
    await Promise.all(entries.map(stopReceiving));
  };

  const health = (): ConsumerHealth[] =>
    [...registered.values()].map(({ spec, running, inForce }) => ({
      consumer: spec.consumer,
      names: [...spec.names],
      inForce,
      running: running.running,
      abandoned: running.abandoned,
      lastDeliveryAt: toDate(running.lastDeliveryAt),
      lastFailureAt: toDate(running.lastFailureAt),
      lastError: running.lastError,
    }));

  /** Whether a consumer of this process wants an event. */
  const wants = (name: string): boolean => wanted.has(name);

  const specs = (): ConsumerSpec[] => [...registered.values()].map(({ spec }) => spec);

  return { consume, ready, trouble: () => trouble, stop, health, wants, specs };
};
