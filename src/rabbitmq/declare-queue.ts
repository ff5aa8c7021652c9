import type { Channel } from 'rabbitmq-client';
import type { ConnectionContext } from '../transport/index.ts';
import { codeOf, type Link } from './link.ts';
import type { Queue } from './topology.ts';

/** What may differ from what we would declare. Anything else changes what the queue is for. */
const BOUNDS =
  /^x-(expires|delivery-limit|message-ttl|max-length|max-length-bytes|overflow|dead-letter-strategy|quorum-.*|queue-leader-locator)$/;
const MAX_DIFFERENCES = 8;

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** What the broker says of the first argument that differs. */
export const readDifference = (text: string) => {
  const [, argument] = /inequivalent arg '([^']+)'/.exec(text) ?? [];
  const [, value, type] = /but current is the value '([^']*)' of type '([^']*)'/.exec(text) ?? [];
  const current =
    value === undefined ? undefined : type === 'longstr' ? value : type === 'bool' ? value === 'true' : Number(value);
  return { argument, current };
};

/** Declares queues, also those that exist with other bounds. */
export const createDeclarer = (link: Link, report: ConnectionContext['report']) => {
  const told = new Set<string>();

  /** Once for each argument: a second try gets another text of the same difference. */
  const tell = (queue: string, argument: string, text: string) => {
    const difference = `${queue} ${argument}`;
    if (told.has(difference)) return;
    told.add(difference);
    report('warn', 'event_topology_differs', { queue, difference: text });
  };

  /** Tries with what the queue has, until nothing differs any more or something does that matters. */
  const adapt = async (queue: Queue, error: unknown, round = 0): Promise<void> => {
    const text = textOf(error);
    const { argument = '', current } = readDifference(text);
    if (codeOf(error) !== 'PRECONDITION_FAILED' || !argument) throw error;
    if (!BOUNDS.test(argument) || round === MAX_DIFFERENCES)
      throw new Error(
        `The queue ${queue.queue} exists with another ${argument}: stop its consumers, wait until it is empty, delete it and start again (${text})`,
      );
    tell(queue.queue, argument, text);
    const { [argument]: _, ...rest } = queue.arguments;
    const next = { ...queue, arguments: current === undefined ? rest : { ...rest, [argument]: current } };
    try {
      await link.ask((channel) => channel.queueDeclare(next));
    } catch (again) {
      await adapt(next, again, round + 1);
    }
  };

  const declare = async (channel: Channel, queue: Queue): Promise<void> => {
    try {
      // A difference closes the channel: only the first of several has the one that it was given.
      if (channel.active) await channel.queueDeclare(queue);
      else await link.ask((other) => other.queueDeclare(queue));
    } catch (error) {
      await adapt(queue, error);
    }
  };

  /** Whether a queue is there, and who uses it. */
  const look = async (queue: string): Promise<{ messages: number; consumers: number } | undefined> => {
    try {
      const { messageCount, consumerCount } = await link.ask((channel) =>
        channel.queueDeclare({ queue, passive: true }),
      );
      return { messages: messageCount, consumers: consumerCount };
    } catch (error) {
      if (codeOf(error) === 'NOT_FOUND') return undefined;
      throw error;
    }
  };

  return { declare, look };
};

export type Declarer = ReturnType<typeof createDeclarer>;
