import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Admin } from '@platformatic/kafka';
import { createEventBus, type EventBus, type PublishOptions } from 'mapbus';
import { transportFromUrl } from 'mapbus/url';
import { folderOf, type OwnBroker } from '../../scripts/services/broker.ts';
import { kafkaProxy } from '../../scripts/services/kafka.ts';
import { ensureService } from '../../scripts/services/main.ts';
import { createFaultProxy, type FaultProxy } from '../../scripts/services/proxy.ts';
import { rabbitmqctl } from '../../scripts/services/rabbitmq.ts';
import { deadLetters } from '../../src/old-seam/seam.ts';

/** Sizes of the issue by `FAULT_SCALE=1`, which `npm run test:faults` sets; a tenth of them otherwise. */
const scale = Number(process.env.FAULT_SCALE ?? 0.1);
export const scaled = (size: number): number => Math.max(1, Math.round(size * scale));

export type Bus = EventBus<Record<string, unknown>>;

/** A broker, as the tests reach it. */
export interface Site {
  readonly kind: 'rabbitmq' | 'kafka';
  readonly url: string;
  /** Through a proxy that can be cut. */
  readonly openProxy: () => Promise<{ proxy: FaultProxy; url: string }>;
  readonly own: OwnBroker;
  /** How many processes the broker knows of a service. */
  readonly countConsumers: (service: string) => Promise<number>;
}

const toUrl = (kind: Site['kind'], address: string) =>
  kind === 'kafka' ? `kafka://${address}?sessionTimeoutMs=2000` : address;

export const withQuery = (url: string, query: string): string => `${url}${url.includes('?') ? '&' : '?'}${query}`;

export const openSite = async (kind: Site['kind']): Promise<Site> => {
  const { url, own } = await ensureService(kind);
  if (!own)
    throw new Error(`${kind} at hand is not the tests' own: it may not be killed, so its faults are not tested`);
  const openProxy = async () => {
    if (kind === 'kafka') {
      const proxy = await createFaultProxy(kafkaProxy.target, kafkaProxy.port);
      return { proxy, url: toUrl(kind, `127.0.0.1:${proxy.port}`) };
    }
    const { port } = new URL(url);
    const proxy = await createFaultProxy(Number(port));
    return { proxy, url: url.replace(port, String(proxy.port)) };
  };
  const countConsumers = async (service: string) => {
    if (kind === 'rabbitmq') {
      const queues = rabbitmqctl(folderOf('rabbitmq'), 'list_queues', 'name', 'consumers').split('\n');
      return Number(queues.find((line) => line.startsWith(`mapbus.${service}\t`))?.split('\t')[1]);
    }
    const admin = new Admin({ clientId: 'faults', bootstrapBrokers: url.split(',') });
    const group = `mapbus.${service}`;
    const groups = await admin.describeGroups({ groups: [group] });
    await admin.close();
    return groups.get(group)?.members.size ?? 0;
  };
  return { kind, url: toUrl(kind, url), openProxy, own, countConsumers };
};

const silent = { debug: () => {}, warn: () => {}, error: () => {} };

export const openBus = async (url: string, service: string, options: object = {}): Promise<Bus> =>
  createEventBus({ transport: await transportFromUrl(url, { service, ...options }), logger: silent });

export const unique = (name: string): string => `${name}-${Math.random().toString(36).slice(2, 8)}`;

/** What the processes of a service have noted. */
export const createNotes = () => {
  const file = join(mkdtempSync(join(tmpdir(), 'mapbus-faults-')), 'handled');
  const read = () => {
    try {
      return readFileSync(file, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => line.split(' '));
    } catch {
      return [];
    }
  };
  const ids = () => read().map(([id = '']) => id);
  return { file, read, ids };
};

/** What a service has given up. */
export const countDeadLetters = async (url: string, service: string): Promise<number> => {
  const bus = await openBus(url, service);
  const letters = await deadLetters(bus).list();
  await bus.close();
  return letters.length;
};

export interface WorkerOptions {
  readonly url: string;
  readonly service: string;
  readonly names: readonly string[];
  readonly file: string;
  readonly failing?: number;
  readonly delayMs?: number;
  /** Whether the process kills itself between the retry of a failed handler and the acknowledgement of its event. */
  readonly diesAfterRetry?: boolean;
}

/** A process of a service, started again as often as it is killed. */
export const startWorker = async (options: WorkerOptions) => {
  const script = fileURLToPath(new URL('worker.mjs', import.meta.url));
  let child: ChildProcess;
  const start = async () => {
    child = spawn(process.execPath, [script, JSON.stringify(options)], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const ended = once(child, 'exit').then(() => {
      throw new Error('The worker has ended before it was ready');
    });
    await Promise.race([once(child, 'message'), ended]);
    ended.catch(() => {});
  };
  await start();
  const kill = async () => {
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  };
  const restart = async () => {
    await kill();
    await start();
  };
  const died = async () => {
    if (child.signalCode === null) await once(child, 'exit');
    return child.signalCode;
  };
  /** Closes the bus of the process, and says how long that then took to end by itself. */
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error('The worker has ended before its time');
    const exit = once(child, 'exit');
    let closedAt = Number.NaN;
    child.once('message', () => {
      closedAt = Date.now();
    });
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), 40_000);
    await exit;
    clearTimeout(timer);
    return { exitMs: Date.now() - closedAt };
  };
  return { kill, restart, died, stop };
};

export const after = (delayMs: number) => new Promise<void>((resolve) => setTimeout(resolve, delayMs));

/** Waits for something that only asking tells, such as what another process has written. */
export const until = async (what: string, holds: () => boolean | Promise<boolean>, timeoutMs = 120_000) => {
  const deadline = Date.now() + timeoutMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${what}`);
    await after(100);
  }
};

/** Publishes so many events, some at a time, as an application does that tries again; gives the ids of the confirmed. */
export const publishAll = async (
  bus: Bus,
  name: string,
  count: number,
  {
    inFlight = 100,
    keyOf,
    onProgress,
  }: { inFlight?: number; keyOf?: (index: number) => string; onProgress?: (done: number) => void } = {},
) => {
  const confirmed = new Set<string>();
  let errors = 0;
  let next = 0;
  let progressAt = Date.now();
  const publishOne = async (index: number) => {
    const key = keyOf?.(index);
    const options: { -readonly [Option in keyof PublishOptions]: PublishOptions[Option] } = { key };
    for (;;) {
      const { id, error } = await bus.publish(name, { index, key, padding: 'x'.repeat(100) }, options);
      if (!error) {
        progressAt = Date.now();
        return confirmed.add(id);
      }
      if (Date.now() - progressAt > 120_000) throw new Error('nothing was confirmed for 120 s', { cause: error });
      errors++;
      options.id = id;
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

/** The counts of a run, for the report and for the checks. */
export const countHandled = (confirmed: ReadonlySet<string>, ids: readonly string[]) => {
  const handled = new Set(ids);
  const lost = [...confirmed].filter((id) => !handled.has(id)).length;
  return { confirmed: confirmed.size, handled: handled.size, lost, duplicates: ids.length - handled.size };
};

export const report = (scenario: string, counts: Record<string, unknown>): void =>
  console.log(
    `${scenario}: ${Object.entries(counts)
      .map(([name, value]) => `${name} ${value}`)
      .join(', ')}`,
  );
