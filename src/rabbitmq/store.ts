import { createHash } from 'node:crypto';
import type { Channel } from 'rabbitmq-client';
import { addLast, createFifo, sizeOf, takeFirst } from '../shared/fifo.ts';
import { within } from '../shared/time-limit.ts';
import type { DeadLetterQuery, DeadLetterStore, StoredDeadLetter } from '../transport/index.ts';
import { codeOf, type Link, pause } from './link.ts';
import { bodyOf, deathOf, HEADERS, type Received, redriven, textHeader } from './message.ts';
import type { Names } from './names.ts';
import type { Sender } from './sender.ts';

const LOOK_AGAIN_MS = 20;
const MAX_TRIES = 100;
/** What one consumer can hold. A look sees the oldest ones. */
const MOST_AT_ONCE = 65_535;
const SILENT_MS = 5_000;
/** RabbitMQ 3.10 hands 32 acknowledgements at once on to a quorum queue, and forgets the rest when the channel closes. */
const ACKNOWLEDGED_AT_ONCE = 16;
const NEVER = new AbortController().signal;

interface Parts {
  readonly link: Link;
  readonly names: Names;
  readonly sender: Sender;
  /** Whether the process may not make queues. */
  readonly isChecked: boolean;
  /** The name that a consumer has now, where its queue is gone. */
  readonly renamed: (consumer: string) => Promise<string | undefined>;
}

type Visit = (letter: StoredDeadLetter, message: Received) => Promise<'keep' | 'remove'>;

/** A name for a letter that the broker has written: the same as long as the letter is there. */
const digestOf = (message: Received, at: Date): string =>
  createHash('sha256')
    .update(JSON.stringify([message.messageId, at.getTime(), deathOf(message)?.queue]))
    .update(bodyOf(message))
    .digest('hex')
    .slice(0, 32);

const toLetter = (message: Received, names: Names): StoredDeadLetter => {
  const death = deathOf(message);
  const own = textHeader(message, HEADERS.letter);
  const diedAt = own === undefined ? (death?.at ?? new Date(0)) : new Date(textHeader(message, HEADERS.diedAt) ?? 0);
  const consumer = textHeader(message, HEADERS.consumer) ?? names.consumerOf(death?.queue ?? '') ?? '';
  const reason = textHeader(message, HEADERS.reason) ?? death?.reason ?? 'unknown';
  return {
    ref: own ?? digestOf(message, diedAt),
    consumer,
    reason,
    attempt: Number(message.headers?.[HEADERS.attempt] ?? 1),
    error: {
      name: textHeader(message, HEADERS.errorName) ?? 'Error',
      message: textHeader(message, HEADERS.errorMessage) ?? `RabbitMQ gave it up: ${reason}`,
    },
    diedAt: Number.isNaN(diedAt.getTime()) ? new Date(0) : diedAt,
    body: bodyOf(message),
  };
};

/** The dead letters of a service. One looks at a time: what somebody looks at is hidden from all others. */
export const createStore = ({ link, names, sender, isChecked, renamed }: Parts): DeadLetterStore => {
  let last: Promise<unknown> = Promise.resolve();

  const lock = async (channel: Channel): Promise<void> => {
    // Without this queue, of two that look at once one may see fewer letters.
    if (isChecked) return;
    await channel.queueDeclare({ queue: names.look, exclusive: true, autoDelete: true });
  };

  /** Works over a channel that no other process looks at the letters with. */
  const alone = async <Result>(work: (channel: Channel) => Promise<Result>): Promise<Result> => {
    for (;;) {
      const channel = await link.channel();
      try {
        await lock(channel);
        return await work(channel);
      } catch (error) {
        if (codeOf(error) !== 'RESOURCE_LOCKED') throw error;
      } finally {
        if (channel.active && !isChecked) await channel.queueDelete({ queue: names.look }).catch(() => {});
        await channel.close();
      }
      await pause(LOOK_AGAIN_MS);
    }
  };

  const countOver = async (channel: Channel): Promise<number> =>
    (await channel.queueDeclare({ queue: names.dead, passive: true })).messageCount;

  /**
   * Gives each letter to `visit`, the oldest first. Returns how many stay. With one consumer, since RabbitMQ 3.10 gives back
   * in any order what was got one by one.
   */
  const visitOver = async (channel: Channel, visit: Visit): Promise<number> => {
    const there = Math.min(await countOver(channel), MOST_AT_ONCE);
    if (there === 0) return 0;
    const letters = createFifo<Received>();
    let wake = () => {};
    let seen = 0;
    let removed = 0;
    await channel.basicQos({ prefetchCount: there });
    await channel.basicConsume({ queue: names.dead }, (message) => {
      addLast(letters, message);
      wake();
    });
    const next = async (): Promise<Received | undefined> => {
      const came = new Promise<void>((resolve) => {
        wake = resolve;
      });
      if (sizeOf(letters) === 0) await within(SILENT_MS, came, () => {});
      return takeFirst(letters);
    };
    while (seen < there) {
      const message = await next();
      if (!message) throw new Error('RabbitMQ has not given all dead letters in time');
      seen++;
      if ((await visit(toLetter(message, names), message)) === 'keep') continue;
      channel.basicAck({ deliveryTag: message.deliveryTag });
      if (++removed % ACKNOWLEDGED_AT_ONCE === 0) await countOver(channel);
    }
    await countOver(channel);
    return seen - removed;
  };

  /** The letters that stay go back in order when their channel ends. Given back one by one, they may change places. */
  const visitAll = async (locked: Channel, visit: Visit): Promise<void> => {
    const kept = await link.use((channel) => visitOver(channel, visit));
    // They are back a moment later. The next look must find all.
    for (let tries = 0; tries < MAX_TRIES && (await countOver(locked)) < kept; tries++) await pause(LOOK_AGAIN_MS);
  };

  const inTurn = async (visit: Visit): Promise<void> => {
    const run = () =>
      alone((channel) => visitAll(channel, visit)).catch((error: unknown) => {
        // Nobody has ever declared a consumer.
        if (codeOf(error) !== 'NOT_FOUND') throw error;
      });
    const turn = last.then(run, run);
    last = turn.catch(() => {});
    await turn;
  };

  const cursorOf = ({ ref, diedAt }: StoredDeadLetter) => `${diedAt.getTime()}.${ref}`;

  const page = async ({ consumer, after, limit }: DeadLetterQuery) => {
    const all: StoredDeadLetter[] = [];
    const refs = new Set<string>();
    const [time = '', afterRef] = after?.split('.') ?? [];
    await inTurn(async (letter) => {
      // A letter may be there twice after a cut.
      if (refs.has(letter.ref)) return 'keep';
      refs.add(letter.ref);
      if (letter.ref === afterRef) {
        all.length = 0;
        return 'keep';
      }
      // Where the letter of the cursor is gone, its time says where it was.
      if (after !== undefined && letter.diedAt.getTime() < Number(time)) return 'keep';
      if (consumer !== undefined && letter.consumer !== consumer) return 'keep';
      if (all.length <= limit) all.push(letter);
      return 'keep';
    });
    const letters = all.slice(0, limit);
    const lastLetter = letters.at(-1);
    return { letters, next: all.length > limit && lastLetter ? cursorOf(lastLetter) : undefined };
  };

  /** Gives the event back to its consumer, also if that was renamed. */
  const send = async (consumer: string, message: Received): Promise<void> => {
    const sendTo = ({ envelope, body }: ReturnType<typeof redriven>) => sender.send(envelope, body, NEVER);
    if (!(await sendTo(redriven(message, names.queue(consumer))))) return;
    const next = await renamed(consumer);
    if (next !== undefined && !(await sendTo(redriven(message, names.queue(next))))) return;
    throw new Error(`Cannot redrive: the queue of the consumer ${JSON.stringify(consumer)} is gone`);
  };

  const remove = async (
    refs: readonly string[],
    before: (letter: StoredDeadLetter, message: Received) => Promise<void>,
  ): Promise<number> => {
    const wanted = new Set(refs);
    const done = new Set<string>();
    await inTurn(async (letter, message) => {
      if (!wanted.has(letter.ref)) return 'keep';
      if (!done.has(letter.ref)) await before(letter, message);
      done.add(letter.ref);
      return 'remove';
    });
    return done.size;
  };

  return {
    page,
    redrive: (refs) => remove(refs, ({ consumer }, message) => send(consumer, message)),
    discard: (refs) => remove(refs, async () => {}),
  };
};
