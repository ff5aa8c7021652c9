import type { Channel } from 'rabbitmq-client';
import { addLast, createFifo, sizeOf, takeFirst } from '../shared/fifo.ts';
import { within } from '../shared/time-limit.ts';
import type { ConnectionContext, StoredDeadLetter } from '../transport/index.ts';
import { copyOfLetter, hasOwnName, toLetter } from './letter.ts';
import { closeChannel, codeOf, type Link, pause } from './link.ts';
import { deliveriesOf, type Received } from './message.ts';
import type { Names } from './names.ts';
import type { Sender } from './sender.ts';

const LOOK_AGAIN_MS = 20;
const MAX_TRIES = 100;
/** What one consumer can hold. A look sees the oldest ones. */
const MOST_AT_ONCE = 65_535;
const SILENT_MS = 5_000;
/** RabbitMQ 3.10 hands 32 acknowledgements at once on to a quorum queue, and forgets the rest when the channel closes. */
const ACKNOWLEDGED_AT_ONCE = 16;
/** A limit of deliveries is 20 where an operator has set none. */
const RENEWED_FROM = 12;
/** How long the copy of a letter may take. */
const COPY_MS = 3_000;

type Decision = 'keep' | 'remove';
export type Visit = (letter: StoredDeadLetter, message: Received) => Decision | Promise<Decision>;

export interface LookParts {
  readonly link: Link;
  readonly names: Names;
  readonly sender: Sender;
  /** Whether the process may not make queues. */
  readonly isChecked: boolean;
  readonly report: ConnectionContext['report'];
}

/** Looks at all dead letters of a service. One looks at a time: what somebody looks at is hidden from all others. */
export const createLook = ({ link, names, sender, isChecked, report }: LookParts) => {
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
        await closeChannel(channel);
      }
      await pause(LOOK_AGAIN_MS);
    }
  };

  const countOver = async (channel: Channel): Promise<number> =>
    (await channel.queueDeclare({ queue: names.dead, passive: true })).messageCount;

  /**
   * Gives each letter to `visit`, the oldest first. Tells how many stay, at the start and after each that is removed. With one
   * consumer, since RabbitMQ 3.10 gives back in any order what was got one by one.
   */
  const visitOver = async (channel: Channel, visit: Visit, tellStaying = (_count: number) => {}): Promise<void> => {
    const there = Math.min(await countOver(channel), MOST_AT_ONCE);
    tellStaying(there);
    if (there === 0) return;
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
    const visitNext = async (): Promise<void> => {
      const message = await next();
      if (!message) throw new Error('RabbitMQ has not given all dead letters in time');
      seen++;
      if ((await visit(toLetter(message, names), message)) === 'keep') return;
      channel.basicAck({ deliveryTag: message.deliveryTag });
      tellStaying(there - ++removed);
      if (removed % ACKNOWLEDGED_AT_ONCE === 0) await countOver(channel);
    };
    try {
      while (seen < there) await visitNext();
    } catch (error) {
      // What was acknowledged before counts.
      await countOver(channel).catch(() => {});
      throw error;
    }
    await countOver(channel);
  };

  /**
   * Each look is a delivery, and a policy may limit those. Before that limit is near, all letters are written once more, in
   * their order. A letter is removed once its copy is safe. Where a copy comes too late, its letter is there twice, with one
   * name: until the next time.
   */
  const renew = (): Promise<void> =>
    link.use((channel) => {
      const copied = new Set<string>();
      const copy: Visit = async (letter, message) => {
        const isAgain = copied.has(letter.ref);
        if (isAgain && hasOwnName(message)) return 'remove';
        // Two letters that the broker has written may be alike.
        const ref = isAgain ? crypto.randomUUID() : letter.ref;
        const { envelope, body } = copyOfLetter(message, { ...letter, ref }, names.dead);
        const isReturned = await sender.send(envelope, body, AbortSignal.timeout(COPY_MS));
        if (isReturned) return 'keep';
        copied.add(letter.ref);
        return 'remove';
      };
      return visitOver(channel, copy);
    });
  /** A queue may be full, or who looks may not write to it. The look has done its work all the same. */
  const tryToRenew = async (): Promise<void> => {
    try {
      await renew();
    } catch (error) {
      report('warn', 'event_transport_trouble', { queue: names.dead, error });
    }
  };

  /** The letters that stay go back in order when their channel ends. Given back one by one, they may change places. */
  const visitAll = async (locked: Channel, visit: Visit): Promise<void> => {
    let deliveries = 0;
    let kept = 0;
    const untilBack = async () => {
      if (kept === 0) return;
      for (let tries = 0; tries < MAX_TRIES && (await countOver(locked)) < kept; tries++) await pause(LOOK_AGAIN_MS);
    };
    const visitAndCount: Visit = (letter, message) => {
      deliveries = Math.max(deliveries, deliveriesOf(message));
      return visit(letter, message);
    };
    try {
      await link.use((channel) =>
        visitOver(channel, visitAndCount, (count) => {
          kept = count;
        }),
      );
    } catch (error) {
      await untilBack().catch(() => {});
      throw error;
    }
    // They are back a moment later. The next look must find all.
    await untilBack();
    if (kept === 0 || deliveries < RENEWED_FROM) return;
    await tryToRenew();
    await untilBack();
  };

  /** Gives each letter to `visit`, the oldest first. */
  const look = async (visit: Visit): Promise<void> => {
    const run = () =>
      alone((channel) => visitAll(channel, visit)).catch((error: unknown) => {
        // Nobody has ever declared a consumer.
        if (codeOf(error) !== 'NOT_FOUND') throw error;
      });
    const turn = last.then(run, run);
    last = turn.catch(() => {});
    await turn;
  };

  return look;
};

export type Look = ReturnType<typeof createLook>;
