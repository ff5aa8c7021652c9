// A broker that the tests have for themselves: started, killed and frozen as they please.
import { spawn } from 'node:child_process';
import { mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

/** What differs from broker to broker. */
export interface BrokerKind {
  readonly name: string;
  /** Below 32,768: from there on the kernel hands ports out to whoever connects somewhere, the probe included. */
  readonly port: number;
  /** What is sent to see whether the broker answers, and how its answer begins. */
  readonly probe: { readonly send: Buffer; readonly answer: Buffer };
  readonly install: (folder: string) => void;
  /** Writes what the broker is configured with, and gives what starts it. */
  readonly prepare: (folder: string) => { command: string; args: readonly string[]; env?: NodeJS.ProcessEnv };
}

/** A broker that may be killed. */
export interface OwnBroker {
  /** Starts it if it does not run, and resolves when it answers. */
  readonly start: () => Promise<void>;
  /** The same, and forgets what an earlier run has left if it does not run. */
  readonly startFresh: () => Promise<void>;
  /** As by `kill -9`. */
  readonly kill: () => Promise<void>;
  readonly freeze: () => Promise<void>;
  readonly thaw: () => void;
  /** As a service manager does it: asks it to end, and kills it when it takes too long. */
  readonly stop: () => Promise<void>;
}

const STOP_MS = 10_000;

const after = (delayMs: number) => new Promise<void>((resolve) => setTimeout(resolve, delayMs));

/** Whether something at a port answers as the probe says. */
export const answers = (port: number, { send, answer }: BrokerKind['probe']): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port, timeout: 1_000 });
    let received = Buffer.alloc(0);
    const end = (result: boolean) => {
      socket.destroy();
      resolve(result);
    };
    socket.on('connect', () => socket.write(send));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length >= answer.length) end(received.subarray(0, answer.length).equals(answer));
    });
    socket.on('error', () => end(false));
    socket.on('timeout', () => end(false));
    socket.on('close', () => end(false));
  });

/** Outside the repository, and kept: what is installed once is there the next time. */
export const folderOf = (name: string): string => join(tmpdir(), `mapbus-services-${userInfo().uid}`, name);

export const createBroker = ({ name, port, probe, prepare }: BrokerKind): OwnBroker => {
  const folder = folderOf(name);
  const pidFile = join(folder, 'pid');

  const readPid = () => {
    try {
      return Number(readFileSync(pidFile, 'utf8').trim()) || undefined;
    } catch {
      return undefined;
    }
  };
  /** The letter of its state in /proc; nothing if there is no such process. */
  const readState = () => {
    try {
      return /^State:\s+(\w)/m.exec(readFileSync(`/proc/${readPid()}/status`, 'utf8'))?.[1];
    } catch {
      return undefined;
    }
  };
  // A zombie is there only because its parent has not looked yet.
  const isAlive = () => !['Z', undefined].includes(readState());
  const signal = (which: NodeJS.Signals) => {
    const pid = readPid();
    if (pid === undefined || !isAlive()) throw new Error(`${name} was not started from ${folder}`);
    process.kill(pid, which);
  };
  const waitUntil = async (what: string, holds: () => boolean | Promise<boolean>, timeoutMs = 90_000) => {
    const deadline = Date.now() + timeoutMs;
    while (!(await holds())) {
      if (Date.now() > deadline) throw new Error(`${name} has not ${what} in time: see ${folder}/out.log`);
      await after(100);
    }
  };

  const start = async () => {
    let ended = false;
    if (!isAlive()) {
      mkdirSync(folder, { recursive: true });
      const { command, args, env } = prepare(folder);
      const output = openSync(join(folder, 'out.log'), 'w');
      const child = spawn(command, args, {
        cwd: folder,
        env: { ...process.env, ...env },
        detached: true,
        stdio: ['ignore', output, output],
      });
      child.on('exit', () => {
        ended = true;
      });
      child.unref();
    }
    await waitUntil('answered', async () => {
      if (ended)
        throw new Error(`${name} has ended while it started:\n${readFileSync(join(folder, 'out.log'), 'utf8')}`);
      return answers(port, probe);
    });
  };
  const startFresh = async () => {
    if (!isAlive()) rmSync(join(folder, 'data'), { recursive: true, force: true });
    await start();
  };
  const freeze = async () => {
    signal('SIGSTOP');
    await waitUntil('stopped', () => readState() === 'T');
  };
  const end = async (which: NodeJS.Signals, timeoutMs?: number) => {
    signal(which);
    await waitUntil('ended', () => !isAlive(), timeoutMs);
  };

  return {
    start,
    startFresh,
    kill: () => end('SIGKILL'),
    freeze,
    thaw: () => signal('SIGCONT'),
    // RabbitMQ 3.10 may never end when it is asked to while it declares a queue.
    stop: () => end('SIGTERM', STOP_MS).catch(() => end('SIGKILL')),
  };
};
