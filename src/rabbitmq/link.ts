import {
  AMQPChannelError,
  AMQPConnectionError,
  type Channel,
  Connection,
  type ConnectionOptions,
} from 'rabbitmq-client';
import { describeError } from '../shared/errors.ts';
import { within } from '../shared/time-limit.ts';
import type { ConnectionContext } from '../transport/index.ts';
import { keepBytes } from './keep-bytes.ts';

const CLOSE_MS = 2_000;
/** How long the broker may take to answer, in milliseconds. */
const ANSWER_MS = 15_000;
const PROBE_MS = 3_000;

/** A timer that does not keep the process alive. */
export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });

export const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '');

/** The client waits for ever for the end of a channel whose connection ends in the meantime. */
export const closeChannel = async (channel: Channel): Promise<void> => {
  if (!channel.active) return;
  const closed = new Promise<void>((resolve) => {
    channel.once('close', resolve);
  });
  await Promise.race([channel.close(), closed]);
};

/** One connection to the broker, which comes back by itself. */
export const createLink = (
  options: ConnectionOptions,
  purpose: 'publish' | 'consume' | 'record',
  report: ConnectionContext['report'],
) => {
  let current: Connection | undefined;
  /** Why there is no connection now, as far as it is known. */
  let lastError: unknown;
  let isClosed = false;
  let isConnected = false;
  let isBlocked = false;
  let since = new Date();
  let connects = 0;
  const onUnblocked = new Set<() => void>();

  const changed = (connected: boolean) => {
    if (isConnected === connected) return;
    isConnected = connected;
    since = new Date();
    if (connected) connects++;
  };
  const unblock = () => {
    isBlocked = false;
    for (const call of onUnblocked) call();
  };

  const open = (): Connection => {
    const connection = new Connection({ ...options, connectionName: `${options.connectionName} ${purpose}` });
    const isCurrent = () => connection === current;
    connection.on('connection', () => {
      if (!isCurrent()) return;
      lastError = undefined;
      changed(true);
    });
    connection.on('error', (error: unknown) => {
      if (!isCurrent()) return;
      lastError = error;
      changed(connection.ready);
      if (isBlocked) unblock();
      report('error', 'event_transport_trouble', { connection: purpose, error });
    });
    connection.on('connection.blocked', (reason) => {
      if (!isCurrent()) return;
      isBlocked = true;
      report('warn', 'event_transport_blocked', { connection: purpose, reason });
    });
    connection.on('connection.unblocked', () => {
      if (!isCurrent()) return;
      unblock();
      report('warn', 'event_transport_unblocked', { connection: purpose });
    });
    return connection;
  };

  const start = (): Connection => {
    current ??= open();
    return current;
  };

  const acquire = async (): Promise<Channel> => {
    try {
      return await start().acquire({ emitErrorsFromChannel: true });
    } catch (error) {
      // The client only says that it took too long.
      if (lastError === undefined) throw error;
      throw new Error(`RabbitMQ cannot be reached: ${describeError(lastError).errorMessage}`, { cause: lastError });
    }
  };

  const channel = async (): Promise<Channel> => {
    if (isClosed) throw new Error('The connection is closed');
    const own = await acquire();
    keepBytes(own);
    own.on('error', (error: unknown) => {
      // After a cut every acknowledgement fails. The connection has told of it.
      if (error instanceof AMQPChannelError && !(error instanceof AMQPConnectionError))
        report('warn', 'event_transport_trouble', { error });
    });
    return own;
  };

  /** Throws the connection away, which does not answer any more. The next channel is over a new one. */
  const discard = (): void => {
    const connection = current;
    current = undefined;
    changed(false);
    isBlocked = false;
    connection?.unsafeDestroy();
  };

  /** Whether the broker still answers over this connection. */
  const answers = (withinMs: number): Promise<boolean> =>
    within(
      withinMs,
      use(async () => true).catch(() => false),
      () => false,
    );
  /**
   * A broker that does not answer a channel may never do so. If it answers no other channel either, the connection is
   * thrown away. If it does, one queue is in trouble, and the consumers of the others keep what they have in hand.
   * @param giveUp ends the channel: nothing more is asked over it, and it is gone once the broker answers
   */
  const inTime = <Result>(work: Promise<Result>, giveUp: () => void): Promise<Result> =>
    within(ANSWER_MS, work, async () => {
      giveUp();
      const asked = current;
      if (!(await answers(PROBE_MS)) && asked === current) discard();
      throw new Error(`RabbitMQ has not answered for ${ANSWER_MS} ms`);
    });

  /** Does something over a channel of its own. */
  const use = async <Result>(work: (channel: Channel) => Promise<Result>): Promise<Result> => {
    const own = await channel();
    try {
      return await work(own);
    } finally {
      // What it has taken and not acknowledged goes back.
      await closeChannel(own);
    }
  };
  /** The same, for work of a few questions. */
  const ask = <Result>(work: (channel: Channel) => Promise<Result>): Promise<Result> => {
    let own: Channel | undefined;
    const asking = use((channel) => {
      own = channel;
      return work(channel);
    });
    return inTime(asking, () => own && void closeChannel(own));
  };

  const close = async (): Promise<void> => {
    isClosed = true;
    changed(false);
    since = new Date();
    // It may be thrown away meanwhile.
    const connection = current;
    if (!connection) return;
    const closed = connection.close().catch(() => {});
    await Promise.race([closed, pause(CLOSE_MS)]);
    connection.unsafeDestroy();
  };

  return {
    start,
    channel,
    use,
    answers,
    ask,
    inTime,
    discard,
    close,
    /** Whether the broker takes no publishes for now. */
    isBlocked: () => isBlocked,
    onUnblocked: (call: () => void) => {
      onUnblocked.add(call);
    },
    /** `undefined` before the connection was needed. */
    health: () =>
      current || isClosed
        ? { connected: isConnected && !isClosed, since, reconnects: Math.max(connects - 1, 0) }
        : undefined,
  };
};

export type Link = ReturnType<typeof createLink>;
