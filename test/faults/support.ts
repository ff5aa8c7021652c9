import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Admin } from '@platformatic/kafka';
import type { PublishOptions } from 'mapbus';
import { type ConsumeOptions, createServiceBus, type ServiceBus } from 'mapbus/service';
import { transportFromUrl } from 'mapbus/url';
import { onTestFinished } from 'vitest';
import { folderOf, type OwnBroker } from '../../scripts/services/broker.ts';
import { kafkaProxy } from '../../scripts/services/kafka.ts';
import { ensureService } from '../../scripts/services/main.ts';
import { createFaultProxy, type FaultProxy } from '../../scripts/services/proxy.ts';
import { rabbitmqctl } from '../../scripts/services/rabbitmq.ts';
import { startProcess } from './worker-process.ts';

interface Payload {
  readonly index: number;
  readonly key?: string | undefined;
}

export type Bus = ServiceBus<Record<string, unknown>>;

/** A broker, as the tests reach it. */
export interface Site {
  readonly kind: 'rabbitmq' | 'kafka';
  /** For a bus. */
  readonly url: string;
  /** For the broker's client: a URL, or a list of brokers. */
  readonly address: string;
  /** Through a proxy that can be cut. */
  readonly openProxy: () => Promise<{ proxy: FaultProxy; url: string }>;
  readonly own: OwnBroker;
  /** How many processes the broker knows of a consumer. */
  readonly countMembers: (service: string, consumer: string) => Promise<number>;
}

/** How many events of a partition may be handled and not committed, in these tests. */
export const MAX_UNCOMMITTED = 200;
const PARTITIONS = 3;

const toUrl = (kind: Site['kind'], address: string) =>
  kind === 'kafka' ? `kafka://${address}?sessionTimeoutMs=2000&maxUncommitted=${MAX_UNCOMMITTED}` : address;

export const openSite = async (kind: Site['kind']): Promise<Site> => {
  const { url, own } = await ensureService(kind);
  if (!own)
    throw new Error(`${kind} at hand is not the tests' own: it may not be killed, so its faults are not tested`);
  const { port } = new URL(kind === 'kafka' ? `kafka://${url}` : url);
  const openProxy = async () => {
    const isKafka = kind === 'kafka';
    const proxy = isKafka
      ? await createFaultProxy(kafkaProxy.target, kafkaProxy.port)
      : await createFaultProxy(Number(port));
    // A test that fails must not keep the port from the next one.
    onTestFinished(() => proxy.close());
    return { proxy, url: isKafka ? toUrl(kind, `127.0.0.1:${proxy.port}`) : url.replace(port, String(proxy.port)) };
  };
  const countMembers = async (service: string, consumer: string) => {
    if (kind === 'rabbitmq') {
      const queues = (await rabbitmqctl(folderOf('rabbitmq'), 'list_queues', 'name', 'consumers')).split('\n');
      return Number(queues.find((line) => line.startsWith(`mapbus.queue.${service}.${consumer}\t`))?.split('\t')[1]);
    }
    const admin = new Admin({ clientId: 'faults', bootstrapBrokers: url.split(',') });
    const names = [...(await admin.listGroups()).keys()].filter((name) => name.endsWith(consumer));
    const groups = await admin.describeGroups({ groups: names });
    await admin.close();
    return Math.max(...[...groups.values()].map(({ members }) => members.size));
  };
  return { kind, url: toUrl(kind, url), address: url, openProxy, own, countMembers };
};

const doNothing = () => {};
const silent = { debug: doNothing, warn: doNothing, error: doNothing };

type BusOptions = Partial<
  Omit<Parameters<typeof createServiceBus<Record<string, unknown>>>[0], 'service' | 'transport'>
>;

export const openBus = async (url: string, service: string, options: BusOptions = {}): Promise<Bus> =>
  createServiceBus<Record<string, unknown>>({
    service,
    transport: await transportFromUrl(url),
    sends: 'all',
    logger: silent,
    contextStorage: false,
    consumers: { retryDelayMs: 100, maxAttempts: 50 },
    ...options,
  });

/** The option `keys` for events that have a key in their payload. */
export const keyOf = (name: string) => ({ [name]: (payload: unknown) => String((payload as Payload).key) });

/** A name of its own, which every broker takes. */
export const unique = (name: string): string => `${name}-${Math.random().toString(36).slice(2, 8)}`;

/** One event that a consumer has handled. */
interface Note {
  readonly consumer: string;
  readonly id: string;
  readonly index: number;
  readonly key: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** What the processes of a service have noted. */
export const createNotes = () => {
  const file = join(mkdtempSync(join(tmpdir(), 'mapbus-faults-')), 'handled');
  const read = (consumer?: string): Note[] => {
    let text = '';
    try {
      text = readFileSync(file, 'utf8');
    } catch {
      // Nothing is noted yet.
    }
    const rows = text.split('\n').slice(0, -1);
    return rows
      .map((row) => row.split(' '))
      .map(([name = '', id = '', index, key = '', at]) => ({
        consumer: name,
        id,
        index: Number(index),
        key,
        at: Number(at),
      }))
      .filter((note) => consumer === undefined || note.consumer === consumer);
  };
  const ids = (consumer?: string) => read(consumer).map(({ id }) => id);
  return { file, read, ids };
};

/** What a service has given up. */
export const countDeadLetters = async (url: string, service: string): Promise<number> => {
  const bus = await openBus(url, service);
  const { letters } = await bus.deadLetters.page({ limit: 1_000 });
  await bus.close();
  return letters.length;
};

/** A consumer of a worker. */
interface WorkerConsumer extends ConsumeOptions {
  readonly consumer: string;
  readonly names: readonly string[];
  /** The first attempt of every so many events fails. */
  readonly failing?: number;
  readonly delayMs?: number;
  /** Whether an event can kill the process. */
  readonly deadly?: boolean;
  /** The name of an event that is published for each one. */
  readonly followUp?: string;
}

export interface WorkerOptions {
  readonly url: string;
  readonly service: string;
  readonly file: string;
  readonly consumers: readonly WorkerConsumer[];
  /** Whether the process kills itself between the retry of a failed handler and the acknowledgement of its event. */
  readonly diesAfterRetry?: boolean;
}

/** A process of a service, started again as often as it is killed. */
export const startWorker = (options: WorkerOptions) => startProcess(new URL('worker.mjs', import.meta.url), options);

export const after = (delayMs: number) => sleep(delayMs);

/** Waits for something that only asking tells, such as what another process has written. */
export const until = async (what: string, holds: () => boolean | Promise<boolean>, timeoutMs = 120_000) => {
  const deadline = Date.now() + timeoutMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${what}`);
    await after(50);
  }
};

/** How many publishes wait for the broker at once, unless a test says otherwise. */
export const IN_FLIGHT = 100;

interface PublishAllOptions {
  readonly inFlight?: number;
  readonly keyOf?: (index: number) => string;
  readonly onProgress?: (done: number) => void;
}

/** Publishes so many events, some at a time, as an application does that tries again; gives the ids of the confirmed. */
export const publishAll = async (
  bus: Bus,
  name: string,
  count: number,
  { inFlight = IN_FLIGHT, keyOf: toKey, onProgress }: PublishAllOptions = {},
) => {
  const confirmed = new Set<string>();
  let errors = 0;
  let next = 0;
  let progressAt = Date.now();
  const publishOne = async (index: number) => {
    let options: PublishOptions = {};
    for (;;) {
      const { id, error } = await bus.publish(name, { index, key: toKey?.(index), padding: 'x'.repeat(100) }, options);
      if (!error) {
        progressAt = Date.now();
        return confirmed.add(id);
      }
      if (Date.now() - progressAt > 120_000) throw new Error('nothing was confirmed for 120 s', { cause: error });
      errors++;
      options = { id };
      await after(50);
    }
  };
  const publishSome = async () => {
    while (next < count) {
      const index = next++;
      await publishOne(index);
      onProgress?.(confirmed.size);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, publishSome));
  return { confirmed, errors };
};

/** Publishes so many events at least, and goes on until the work is done. */
export const publishDuring = async (bus: Bus, name: string, count: number, work: Promise<unknown>) => {
  const confirmed = new Set<string>();
  let errors = 0;
  let isDone = false;
  void work.finally(() => {
    isDone = true;
  });
  while (!isDone || confirmed.size < count) {
    const some = await publishAll(bus, name, 50);
    for (const id of some.confirmed) confirmed.add(id);
    errors += some.errors;
    if (confirmed.size > count / 2) await after(20);
  }
  await work;
  return { confirmed, errors };
};

/** The counts of a run, for the report and for the checks. */
export const countHandled = (confirmed: ReadonlySet<string>, ids: readonly string[]) => {
  const handled = new Set(ids);
  const lost = [...confirmed].filter((id) => !handled.has(id)).length;
  return { confirmed: confirmed.size, handled: handled.size, lost, duplicates: ids.length - handled.size };
};

/** Waits until nothing is left, for as long as that becomes less. */
export const untilNoneIsLeft = async (count: () => number | Promise<number>, stalledMs = 60_000): Promise<void> => {
  let least = Number.POSITIVE_INFINITY;
  let progressAt = Date.now();
  for (let left = await count(); left > 0 && Date.now() - progressAt < stalledMs; left = await count()) {
    if (left < least) progressAt = Date.now();
    least = Math.min(least, left);
    await after(50);
  }
};

/** Waits until everything is handled, and gives the counts also if something never is. */
export const countWhenHandled = async (confirmed: ReadonlySet<string>, ids: () => readonly string[]) => {
  await untilNoneIsLeft(() => countHandled(confirmed, ids()).lost);
  return countHandled(confirmed, ids());
};

export const report = (scenario: string, counts: Record<string, unknown>): void =>
  console.log(
    `${scenario}: ${Object.entries(counts)
      .map(([name, value]) => `${name} ${value}`)
      .join(', ')}`,
  );

/** What can make an event come twice. */
interface Causes {
  /** Processes that died, or lost their connection. */
  readonly losses?: number;
  /** Processes that came or left. */
  readonly rebalances?: number;
  /** Publishes that failed, and were sent again. */
  readonly errors?: number;
}

/**
 * How many events may come twice at most. On RabbitMQ a loss costs what the process has in hand. On Kafka a loss
 * costs what was handled since the last commit, which `maxUncommitted` bounds for each partition. A rebalance costs as
 * much there if the last commit comes after it.
 */
export const duplicatesOf =
  (kind: Site['kind'], concurrency = 10) =>
  ({ losses = 0, rebalances = 0, errors = 0 }: Causes): number =>
    kind === 'rabbitmq'
      ? losses * concurrency + errors
      : (losses + rebalances) * (MAX_UNCOMMITTED * PARTITIONS + concurrency) + errors;
