import type { ConnectionContext } from '../transport/index.ts';
import { type Kept, keepOpen } from './keep-open.ts';
import { closeChannel, type Link } from './link.ts';
import { bodyOf } from './message.ts';
import type { Names } from './names.ts';
import type { Registry } from './registry.ts';

/** A process that is too slow loses the oldest ones. */
const MAX_WAITING = 100_000;

interface Parts {
  readonly link: Link;
  readonly names: Names;
  /** Left out where an operator has made the exchange. */
  readonly declareExchange: Registry['declareExchange'] | undefined;
  readonly report: ConnectionContext['report'];
}

/** All events of a topic exchange. */
export const ALL = '#';

/** Tells the events of some routing keys from now on, over a queue that ends with its consumer. */
export const startTail = async (
  { link, names, declareExchange, report }: Parts,
  routingKeys: readonly string[],
  tell: (body: Uint8Array, eventName: string) => void,
): Promise<Kept> => {
  const open = async () => {
    const channel = await link.channel();
    let isStopped = false;
    const over = new Promise<void>((resolve) => {
      channel.once('close', resolve);
    });
    try {
      await declareExchange?.(channel);
      const queue = names.tail(crypto.randomUUID());
      const { exchange } = names;
      await channel.queueDeclare({
        queue,
        exclusive: true,
        autoDelete: true,
        arguments: { 'x-max-length': MAX_WAITING },
      });
      for (const routingKey of routingKeys) await channel.queueBind({ queue, exchange, routingKey });
      await channel.basicConsume({ queue, noAck: true }, (message) => {
        if (!isStopped) tell(bodyOf(message), message.routingKey);
      });
      channel.once('basic.cancel', () => void closeChannel(channel));
    } catch (error) {
      await closeChannel(channel);
      throw error;
    }
    const stop = async () => {
      isStopped = true;
      // The queue ends with its consumer.
      await closeChannel(channel);
    };
    return { over, ended: over, stop, close: stop };
  };
  return keepOpen(open, (error) => report('warn', 'event_transport_trouble', { eventNames: routingKeys, error }));
};
