import type { Channel } from 'rabbitmq-client';
import { pause } from './link.ts';

/** The acknowledgements of one channel. */
export interface Acknowledgements {
  /** A delivery has come. */
  readonly open: (deliveryTag: number) => void;
  /** Its outcome is carried out. The broker is told at the end of this turn of the event loop. */
  readonly add: (deliveryTag: number) => void;
  /** It goes back to its queue. */
  readonly giveBack: (deliveryTag: number) => void;
  /** The last call before the channel closes: all that has no outcome goes back. */
  readonly giveBackOpen: () => void;
  /** From now on writes nothing until the promise resolves, and then a few at a time. */
  readonly pace: (start: Promise<unknown>, pauseMs: () => number) => void;
  /** Resolves when all that was added is written and the queue has had time for it, or when the channel has ended. */
  readonly written: () => Promise<void>;
  /** Writes all that is left. */
  readonly flush: () => void;
}

/**
 * A quorum queue of RabbitMQ 3.10 takes 33 commands of a channel that are not on its disk yet. It keeps the next ones back,
 * and forgets them when the channel closes. So fewer are written at a time.
 */
const AT_ONCE = 16;

/**
 * Writes one `basic.ack` for all deliveries that end in one turn of the event loop: its field `multiple` also acknowledges
 * every earlier delivery of the channel (AMQP 0-9-1, section 1.8.3.13), so it ends where the first open one begins. Later
 * ones are acknowledged one by one.
 */
export const createAcknowledgements = (channel: Channel): Acknowledgements => {
  /** In the order of their tags. */
  const unacknowledged = new Set<number>();
  let added: number[] = [];
  let returned: number[] = [];
  let pausing: (() => number) | undefined;
  let writing: Promise<void> | undefined;

  /** Writes so many commands at most. What goes back comes first: then one acknowledgement reaches further. */
  const write = (limit: number): void => {
    let left = limit - 1;
    for (const deliveryTag of returned.splice(0, left)) {
      if (!unacknowledged.delete(deliveryTag)) continue;
      left--;
      channel.basicNack({ deliveryTag, requeue: true });
    }
    const [firstOpen = Number.POSITIVE_INFINITY] = unacknowledged;
    let last = 0;
    const later: number[] = [];
    for (const deliveryTag of added) {
      if (deliveryTag < firstOpen) last = Math.max(last, deliveryTag);
      else if (left > 0) {
        left--;
        channel.basicAck({ deliveryTag });
      } else later.push(deliveryTag);
    }
    added = later;
    if (last > 0) channel.basicAck({ deliveryTag: last, multiple: true });
  };
  const isDone = () => (added.length === 0 && returned.length === 0) || !channel.active;
  const flush = (): void => {
    if (channel.active) write(Number.POSITIVE_INFINITY);
  };
  const flushUnpaced = (): void => {
    if (!pausing) flush();
  };
  const writePaced = async (start: Promise<unknown>, pauseMs: () => number): Promise<void> => {
    await start;
    while (!isDone()) {
      write(AT_ONCE);
      await pause(pauseMs());
    }
    writing = undefined;
  };
  const changed = (): void => {
    // What ends in one turn goes together.
    if (pausing) writing ??= writePaced(new Promise(setImmediate), pausing);
    else if (added.length + returned.length === 1) setImmediate(flushUnpaced);
  };

  return {
    open: (deliveryTag) => {
      unacknowledged.add(deliveryTag);
    },
    add: (deliveryTag) => {
      // What went back belongs to another process by now.
      if (!unacknowledged.delete(deliveryTag)) return;
      added.push(deliveryTag);
      changed();
    },
    giveBack: (deliveryTag) => {
      returned.push(deliveryTag);
      changed();
    },
    giveBackOpen: () => {
      const [firstOpen = Number.POSITIVE_INFINITY] = unacknowledged;
      const single = added.filter((deliveryTag) => deliveryTag > firstOpen);
      // What is open goes back with the channel. To say so before is worth it where one acknowledgement then takes the place
      // of more commands than that.
      returned = single.length > unacknowledged.size ? [...unacknowledged] : [];
      changed();
    },
    pace: (start, pauseMs) => {
      pausing = pauseMs;
      writing = writePaced(start, pauseMs);
    },
    written: async () => {
      // What is not paced is written at the end of this turn.
      await new Promise(setImmediate);
      while (writing) await writing;
    },
    flush,
  };
};
