import type { Buffer } from 'node:buffer';
import { nextTick } from 'node:process';
import type { Channel, Envelope } from 'rabbitmq-client';
import { jittered } from '../shared/jittered.ts';
import type { ConnectionContext } from '../transport/index.ts';
import { closeChannel, codeOf, type Link, pause } from './link.ts';

/** A message on its way. */
interface Entry {
  readonly envelope: Envelope;
  readonly body: Buffer;
  readonly signal: AbortSignal;
  readonly resolve: (isReturned: boolean) => void;
  readonly reject: (error: unknown) => void;
  /** The channel that it was written to last. */
  channel: Channel | undefined;
  writtenAt: number;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 1_000;
/** How long a silent broker is waited for before it is asked whether it is still there. */
const SILENT_MS = { least: 250, most: 3_000 };

/**
 * How old a channel is at least that a new one replaces after a refusal. Once the limit of a full queue is taken away,
 * RabbitMQ 3.10 goes on refusing over the channels that it has refused over, and over no other.
 */
const REPLACED_AFTER_MS = 5_000;
/** How long a channel that is being replaced has to answer. */
const RETIRED_MS = 3_000;

/** What no further try mends: the broker or the client refuses this very message. */
const REFUSALS = new Set(['CODEC', 'PRECONDITION_FAILED', 'ACCESS_REFUSED', 'NOT_ALLOWED', 'CONTENT_TOO_LARGE']);

export const notSent = (message: string, cause?: unknown): Error =>
  Object.assign(new Error(message, { cause }), { outcome: 'not-sent' });

const unknown = (message: string, cause?: unknown): Error =>
  Object.assign(new Error(message, { cause }), { outcome: 'unknown' });

/**
 * Sends messages over a channel of its own and waits for the broker's answers. Messages are written in the order of the
 * calls. What had no answer when its channel has ended is written again, the first one first, before anything else. So the
 * order is the same after any cut. While a channel lives, nothing is written to it twice.
 */
export const createSender = (
  link: Link,
  prepare: (channel: Channel) => Promise<void>,
  { publishTimeoutMs, report }: Pick<ConnectionContext, 'publishTimeoutMs' | 'report'>,
) => {
  /** What has no answer, in the order of the calls. */
  const waiting = new Set<Entry>();
  /** Numbers of the messages that no queue wanted. */
  const returned = new Set<string>();
  const silentMs = Math.min(SILENT_MS.most, Math.max(SILENT_MS.least, publishTimeoutMs / 4));
  let current: Channel | undefined;
  let openedAt = 0;
  /** The channel that nothing new is written to. It is closed once it has answered all. */
  let retiring: Channel | undefined;
  let isOpening = false;
  let isClosed = false;
  /** After the broker has closed a channel because of one message: one at a time, so that it is known which one it was. */
  let isCareful = false;
  let count = 0;
  let answeredAt = 0;
  let watching: ReturnType<typeof setInterval> | undefined;
  let watched: AbortSignal | undefined;

  const settled = (entry: Entry): void => {
    waiting.delete(entry);
    if (waiting.size === 0) {
      clearInterval(watching);
      watching = undefined;
      isCareful = false;
    }
    if (retiring || (isCareful && waiting.size > 0)) pump();
  };
  const reject = (entry: Entry, error: unknown): void => {
    settled(entry);
    entry.reject(error);
  };
  const finish = (entry: Entry): void => {
    settled(entry);
    entry.resolve(returned.delete(entry.envelope.correlationId ?? ''));
  };
  let confirmedNow: Entry[] = [];
  const finishConfirmed = (): void => {
    const all = confirmedNow;
    confirmedNow = [];
    // RabbitMQ returns a message before it confirms it. The client tells of the return by a `setImmediate` of its own,
    // which it has called before this one.
    setImmediate(() => {
      for (const entry of all) finish(entry);
    });
  };
  const confirmed = (entry: Entry): void => {
    answeredAt = performance.now();
    // All that the broker confirms in one turn goes on together.
    if (confirmedNow.push(entry) === 1) nextTick(finishConfirmed);
  };

  /** What waits is written to the next channel. */
  const replace = (own: Channel): void => {
    if (current !== own) return;
    current = undefined;
    void closeChannel(own);
  };
  const retire = (own: Channel): void => {
    if (own !== current || own === retiring || answeredAt - openedAt < REPLACED_AFTER_MS) return;
    retiring = own;
    // One queue may answer late, or never. What it has not answered is written again, and the others wait no longer.
    setTimeout(replace, RETIRED_MS, own).unref();
  };

  const failed = (own: Channel, entry: Entry, error: unknown): void => {
    if (entry.channel !== own || !waiting.has(entry)) return;
    const code = codeOf(error);
    if (code === 'NACK') {
      answeredAt = performance.now();
      retire(own);
      reject(entry, unknown('RabbitMQ has refused the message for at least one queue: it may be full', error));
      return;
    }
    if (!REFUSALS.has(code)) return;
    // The client gives the error of its channel to the oldest message, which need not be the cause.
    const isKnown = code === 'CODEC' || isCareful || waiting.size === 1;
    // Its cause is found, so the next ones are sent together again.
    isCareful = !isKnown;
    if (!isKnown) return;
    reject(entry, notSent(`RabbitMQ refuses the message: ${String(error)}`, error));
    pump();
  };

  const write = (own: Channel, entry: Entry): void => {
    entry.channel = own;
    entry.writtenAt = performance.now();
    own.basicPublish(entry.envelope, entry.body).then(
      () => confirmed(entry),
      (error: unknown) => failed(own, entry, error),
    );
  };

  /** Drops what nobody waits for any more. */
  const dropAborted = (): void => {
    for (const entry of waiting) {
      if (!entry.signal.aborted) continue;
      const toError = entry.channel ? unknown : notSent;
      reject(entry, toError('No answer from RabbitMQ in time', entry.signal.reason));
    }
  };

  /** Writes what is not yet written to the present channel. */
  const pump = (): void => {
    const own = current;
    if (!own?.active) {
      void open();
      return;
    }
    if (own === retiring) {
      const [oldest] = waiting;
      if (oldest?.channel !== own) replace(own);
      return;
    }
    // What is written now could not be withdrawn.
    if (link.isBlocked()) return;
    for (const entry of waiting) {
      if (entry.channel !== own) write(own, entry);
      if (isCareful) return;
    }
  };

  const openChannel = async (): Promise<void> => {
    const own = await link.channel();
    try {
      await prepare(own);
      await own.confirmSelect();
    } catch (error) {
      await closeChannel(own);
      throw error;
    }
    own.on('basic.return', ({ correlationId }) => {
      if (correlationId !== undefined) returned.add(correlationId);
    });
    own.once('close', () => {
      if (current === own) current = undefined;
      returned.clear();
      // Each message that was on the channel is told of it first.
      setImmediate(() => {
        dropAborted();
        if (waiting.size > 0) void open();
      });
    });
    current = own;
    openedAt = performance.now();
    retiring = undefined;
  };

  const open = async (): Promise<void> => {
    if (isOpening || isClosed) return;
    isOpening = true;
    for (
      let ms = FIRST_PAUSE_MS;
      waiting.size > 0 && !current?.active && !isClosed;
      ms = Math.min(ms * 2, LONGEST_PAUSE_MS)
    ) {
      try {
        await openChannel();
      } catch (error) {
        if (ms === FIRST_PAUSE_MS) report('warn', 'event_transport_trouble', { error });
        await pause(jittered(ms));
      }
    }
    isOpening = false;
    if (current?.active) pump();
  };

  /** A link on which bytes only stop is found by asking. A broker that answers is only slow, and keeps its channel. */
  const look = async (): Promise<void> => {
    const [oldest] = waiting;
    const now = performance.now();
    if (!oldest?.channel || link.isBlocked()) return;
    if (now - oldest.writtenAt < silentMs || now - answeredAt < silentMs) return;
    answeredAt = now;
    const isThere = await link.answers(silentMs);
    if (isThere || oldest.channel !== current) return;
    report('warn', 'event_transport_trouble', { error: new Error(`No answer from RabbitMQ for ${silentMs} ms`) });
    link.discard();
  };

  const watch = (signal: AbortSignal): void => {
    watching ??= setInterval(look, silentMs / 2).unref();
    if (signal === watched) return;
    watched = signal;
    signal.addEventListener('abort', dropAborted, { once: true });
  };

  /**
   * Resolves once the broker has taken the message, with whether no queue wanted it. Rejects with an `outcome`, and when
   * the signal is aborted.
   */
  const send = (envelope: Envelope, body: Buffer, signal: AbortSignal): Promise<boolean> =>
    new Promise((resolve, rejectPromise) => {
      if (isClosed) {
        rejectPromise(notSent('The connection is closed'));
        return;
      }
      if (signal.aborted) {
        rejectPromise(notSent('It was withdrawn before it was sent', signal.reason));
        return;
      }
      envelope.correlationId = String(++count);
      const entry: Entry = { envelope, body, signal, resolve, reject: rejectPromise, channel: undefined, writtenAt: 0 };
      waiting.add(entry);
      watch(signal);
      const isFree = !isCareful && !isOpening && !retiring && !link.isBlocked();
      if (current?.active && isFree) write(current, entry);
      else pump();
    });

  link.onUnblocked(pump);

  const close = async (): Promise<void> => {
    isClosed = true;
    clearInterval(watching);
    const own = current;
    current = undefined;
    if (own) await closeChannel(own);
    for (const entry of [...waiting]) reject(entry, (entry.channel ? unknown : notSent)('The connection is closed'));
  };

  return { send, close, waiting: () => waiting.size };
};

export type Sender = ReturnType<typeof createSender>;
