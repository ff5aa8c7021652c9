import type { Channel } from 'rabbitmq-client';

/** The acknowledgements of one channel. */
export interface Acknowledgements {
  /** A delivery has come. */
  readonly open: (deliveryTag: number) => void;
  /** Its outcome is carried out. The broker is told at the end of this turn of the event loop. */
  readonly add: (deliveryTag: number) => void;
  /** Tells the broker at once. */
  readonly flush: () => void;
}

/**
 * Writes one `basic.ack` for all deliveries that end in one turn of the event loop: its field `multiple` also acknowledges
 * every earlier delivery of the channel (AMQP 0-9-1, section 1.8.3.13), so it ends where the first open one begins. Later
 * ones are acknowledged one by one.
 */
export const createAcknowledgements = (channel: Channel): Acknowledgements => {
  /** In the order of their tags. */
  const unacknowledged = new Set<number>();
  let added: number[] = [];

  const flush = (): void => {
    const tags = added;
    added = [];
    if (!channel.active) return;
    const [firstOpen = Number.POSITIVE_INFINITY] = unacknowledged;
    let last = 0;
    for (const deliveryTag of tags) {
      if (deliveryTag > firstOpen) channel.basicAck({ deliveryTag });
      else last = Math.max(last, deliveryTag);
    }
    if (last > 0) channel.basicAck({ deliveryTag: last, multiple: true });
  };

  return {
    open: (deliveryTag) => {
      unacknowledged.add(deliveryTag);
    },
    add: (deliveryTag) => {
      unacknowledged.delete(deliveryTag);
      if (added.push(deliveryTag) === 1) setImmediate(flush);
    },
    flush,
  };
};
