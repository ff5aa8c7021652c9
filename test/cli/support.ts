import { createServiceBus, memory, nonRetryable } from 'mapbus/service';
import type { Connection } from 'mapbus/transport';
import { onTestFinished } from 'vitest';
import type { Io } from '../../src/cli/io.ts';
import type { Connect } from '../../src/cli/open.ts';
import { run } from '../../src/cli/run.ts';

/** What a command has written, and what it ended with. */
export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export const createIo = (changes: Partial<Io> = {}) => {
  const written = { out: '', err: '' };
  const stopping = new AbortController();
  const io: Io = {
    out: async (text) => {
      written.out += typeof text === 'string' ? text : new TextDecoder().decode(text);
    },
    err: (text) => {
      written.err += text;
    },
    outIsTerminal: false,
    errIsTerminal: false,
    hasColour: false,
    columns: 80,
    env: { EVENT_BUS_URL: 'memory:' },
    readInput: async () => '',
    inIsTerminal: false,
    stopped: stopping.signal,
    ...changes,
  };
  return { io, written, stop: (reason = 'interrupted') => stopping.abort(reason) };
};

const silent = { debug: () => {}, warn: () => {}, error: () => {} };

/** A change of a broker that calls a function at the beginning of each redrive. */
export const whenRedriving =
  (begun: () => void) =>
  ({ deadLetters }: Connection): Partial<Connection> => ({
    deadLetters: deadLetters && {
      ...deadLetters,
      redrive: async (refs) => {
        begun();
        return deadLetters.redrive(refs);
      },
    },
  });

/** A broker in memory, and commands that work on it. */
export const createBroker = (change: (connection: Connection) => Partial<Connection> = () => ({})) => {
  const transport = memory();
  const connect: Connect = async (_, context) => {
    const connection = transport.connect(context);
    return { ...connection, ...change(connection) };
  };
  const mapbus = async (args: readonly string[], changes: Partial<Io> = {}): Promise<Ended> => {
    const { io, written } = createIo(changes);
    const code = await run(args, io, connect, '1.2.3');
    return { code, ...written };
  };
  const openBus = (service: string) => {
    const bus = createServiceBus<Record<string, unknown>>({ service, transport, sends: 'all', logger: silent });
    onTestFinished(() => bus.close({ drainTimeoutMs: 0 }));
    return bus;
  };
  /** A service with so many dead letters of each of its consumers. */
  const openDead = async (count: number, consumers: readonly string[] = ['charge-card']) => {
    const bus = openBus('billing');
    const state = { isBroken: true };
    const handled: unknown[] = [];
    for (const consumer of consumers)
      bus.consume('order.placed', consumer, (payload) => {
        if (state.isBroken) throw nonRetryable('unknown currency');
        handled.push(payload);
      });
    await bus.ready();
    for (let n = 0; n < count; n++) await bus.publish('order.placed', { n });
    await bus.idle();
    const letters = async () => (await bus.deadLetters.page({ limit: 10_000 })).letters;
    return { bus, state, handled, letters };
  };
  return { transport, connect, mapbus, openBus, openDead };
};
