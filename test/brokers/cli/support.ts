import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createServiceBus, nonRetryable, type ServiceBus } from 'mapbus/service';
import type { Connection } from 'mapbus/transport';
import { transportFromUrl } from 'mapbus/url';
import { Client } from 'pg';
import { onTestFinished, vi } from 'vitest';
import { ensureService } from '../../../scripts/services/main.ts';
import { tryToInstall } from '../../../scripts/try-to-install.ts';

vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

const CLI = fileURLToPath(new URL('../../../dist/cli.js', import.meta.url));

export interface Broker {
  readonly kind: 'rabbitmq' | 'kafka' | 'postgres';
  readonly url: string;
  /** The same broker with credentials that it refuses. */
  readonly refused: string;
  /** Nothing listens there. */
  readonly unreachable: string;
}

const brokerOf = async (kind: Broker['kind']): Promise<Broker> => {
  const { url } = await ensureService(kind);
  if (kind === 'rabbitmq')
    return {
      kind,
      url,
      refused: url.replace('guest:guest', 'guest:wrong-secret'),
      unreachable: 'amqp://guest:wrong-secret@127.0.0.1:9',
    };
  if (kind === 'kafka')
    return {
      kind,
      url: `kafka://${url}`,
      refused: `kafka://guest:wrong-secret@${url}`,
      unreachable: 'kafka://guest:wrong-secret@127.0.0.1:9',
    };
  return {
    kind,
    url,
    refused: url.replace('postgres@', 'nobody:wrong-secret@'),
    unreachable: 'postgres://nobody:wrong-secret@127.0.0.1:9/shop',
  };
};

const KINDS = ['rabbitmq', 'kafka', 'postgres'] as const;

/** The broker of the vitest project that runs, if it can be installed here. */
export const findBrokers = async (): Promise<Broker[]> => {
  const found: Broker[] = [];
  for (const kind of KINDS.filter((one) => one === process.env.BROKER))
    await tryToInstall(kind, async () => {
      found.push(await brokerOf(kind));
    });
  return found;
};

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A command that runs. */
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves when standard error has this text. */
  readonly says: (text: string) => Promise<void>;
  /** How many whole lines there are on standard output so far. */
  readonly lines: () => string[];
}

/** Starts the built command, as a process of its own. */
export const start = (url: string | undefined, args: readonly string[], input?: string): Running => {
  const { EVENT_BUS_URL: _, ...env } = process.env;
  const child = spawn(process.execPath, [CLI, ...args], {
    env: { ...env, ...(url !== undefined && { EVENT_BUS_URL: url }) },
    stdio: 'pipe',
  });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  child.stdin.on('error', () => {});
  child.stdin.end(input ?? '');
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (code) => resolve({ code, out, err }));
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const says = (text: string) =>
    vi.waitFor(
      () => {
        if (!err.includes(text)) throw new Error(`Waited for ${JSON.stringify(text)}, got ${JSON.stringify(err)}`);
      },
      { timeout: 30_000, interval: 10 },
    );
  return { child, ended, says, lines: () => out.split('\n').slice(0, -1) };
};

export const mapbus = (url: string | undefined, ...args: readonly string[]): Promise<Ended> => start(url, args).ended;

export const eventually = <Result>(what: string, ask: () => Result | Promise<Result>) =>
  vi.waitFor(
    async () => {
      const answer = await ask();
      if (!answer) throw new Error(`Waited for ${what}`);
      return answer;
    },
    { timeout: 60_000, interval: 20 },
  );

export const unique = (name: string): string => `${name}${crypto.randomUUID().slice(0, 8)}`;

type AnyEvents = Record<string, unknown>;

const silent = { debug: () => {}, warn: () => {}, error: () => {} };

/** One process of a service. */
export const openBus = async (
  { url }: Broker,
  service: string,
  consumers: object = {},
): Promise<ServiceBus<AnyEvents>> => {
  const bus = createServiceBus<AnyEvents>({
    service,
    transport: await transportFromUrl(url),
    sends: 'all',
    logger: silent,
    consumers: { expiresAfterMs: 600_000, ...consumers },
  });
  onTestFinished(() => bus.close({ drainTimeoutMs: 0 }), 30_000);
  return bus;
};

/** The same, without a bus. */
export const openConnection = async ({ url }: Broker, service: string): Promise<Connection> => {
  const { connect } = await transportFromUrl(url);
  const connection = connect({ service, namespace: '', sends: 'all', publishTimeoutMs: 10_000, report: () => {} });
  onTestFinished(() => connection.close(), 30_000);
  return connection;
};

/** A service with so many dead letters of each of two consumers. What is redriven is handled. */
export const openDead = async (broker: Broker, count: number) => {
  const [service, name, other] = [unique('s'), unique('order.placed'), unique('order.paid')];
  const state = { isBroken: true };
  const handled: [string, unknown][] = [];
  const handle = (consumer: string) => (payload: unknown) => {
    if (state.isBroken) throw nonRetryable('unknown currency\n\u001b[31mNOK');
    handled.push([consumer, payload]);
  };
  const bus = await openBus(broker, service);
  bus.consume(name, 'charge-card', handle('charge-card'), { concurrency: 100 });
  bus.consume([name, other], 'send-mail', ({ payload }) => handle('send-mail')(payload), { concurrency: 100 });
  await bus.ready();
  const numbers = Array.from({ length: count }, (_, index) => index);
  await Promise.all(numbers.map((n) => bus.publish(name, { n })));
  const letters = async () => {
    const { letters: found } = await bus.deadLetters.page({ limit: 10_000 });
    return found;
  };
  await eventually('the dead letters', async () => (await letters()).length === 2 * count);
  const handledBy = (consumer: string) => handled.filter(([by]) => by === consumer).map(([, payload]) => payload);
  return { bus, service, name, other, state, letters, handledBy };
};

/**
 * On Postgres, where a batch takes no time, nobody can take this letter until the returned function is called. On the others
 * a batch takes long enough.
 */
export const holdLetter = async ({ kind, url }: Broker, ref: string): Promise<() => Promise<void>> => {
  if (kind !== 'postgres') return async () => {};
  const client = new Client(url);
  await client.connect();
  await client.query('BEGIN');
  await client.query('SELECT id FROM mapbus.dead_letter WHERE id = $1 FOR UPDATE', [ref]);
  return () => client.end();
};
