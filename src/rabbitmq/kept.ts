import { Buffer } from 'node:buffer';
import type { Channel } from 'rabbitmq-client';
import { jittered } from '../shared/jittered.ts';
import type { Declarer } from './declare-queue.ts';
import { type Link, pause } from './link.ts';
import { bodyOf, type Received } from './message.ts';
import type { Queue } from './topology.ts';

/** A process has the message for some milliseconds, and for longer where a disk is slow or many processes start at once. */
const TRY_AGAIN_MS = 40;
/**
 * AMQP does not tell whether a queue is empty or another process has its message. It is empty for ever if a process has died
 * before its first write, or if an operator has emptied it: so after this time it counts as empty. Should a process have the
 * message all the same, there are two messages afterwards, and `merge` forgets nothing.
 */
const MAX_WAIT_MS = 3_000;

interface Parts<Content> {
  readonly link: Link;
  readonly declarer: Declarer;
  /** Reads what a process has written. */
  readonly parse: (json: string) => Content;
  /** Two processes may have written at the same time, or one has died in between: nothing that either knew is forgotten. */
  readonly merge: (contents: readonly Content[]) => Content;
}

const takeAll = async (channel: Channel, queue: string): Promise<Received[]> => {
  const taken: Received[] = [];
  for (;;) {
    const message = await channel.basicGet({ queue });
    if (!message) return taken;
    taken.push(message);
  }
};

/** Takes the message, and waits while another process has it. */
const take = async (channel: Channel, queue: string, isNew: boolean): Promise<Received[]> => {
  const startedAt = performance.now();
  for (;;) {
    const taken = await takeAll(channel, queue);
    if (taken.length > 0 || isNew || performance.now() - startedAt >= MAX_WAIT_MS) return taken;
    await pause(jittered(TRY_AGAIN_MS));
  }
};

const write = async (channel: Channel, queue: string, content: unknown, old: readonly Received[]): Promise<void> => {
  await channel.confirmSelect();
  await channel.basicPublish({ routingKey: queue, durable: true }, Buffer.from(JSON.stringify(content)));
  for (const { deliveryTag } of old) channel.basicAck({ deliveryTag });
  await channel.queueDeclare({ queue, passive: true });
};

/** Keeps something in queues of one message each. While a process has the message, no other process can change it. */
export const createKept = <Content>({ link, declarer, parse, merge }: Parts<Content>) => {
  const contentOf = (messages: readonly Received[]): Content =>
    merge(messages.map((message) => parse(bodyOf(message).toString())));

  /** Gives what is kept to `change`, and keeps what that returns. */
  const change = async (
    queue: string,
    isNew: boolean,
    toNext: (content: Content) => Promise<Content> | Content,
  ): Promise<Content> =>
    link.ask(async (channel) => {
      const old = await take(channel, queue, isNew);
      const before = contentOf(old);
      const after = await toNext(before);
      const isSame = JSON.stringify(before) === JSON.stringify(after);
      if (!isSame || old.length > 1) await write(channel, queue, after, old);
      return after;
    });

  /** The same, and makes the queue if it is missing. */
  const update = async (queue: Queue, toNext: (content: Content) => Promise<Content> | Content): Promise<Content> => {
    const isNew = (await declarer.look(queue.queue)) === undefined;
    await link.ask((channel) => declarer.declare(channel, queue));
    return change(queue.queue, isNew, toNext);
  };

  /** Reads what is kept in a queue that is there. */
  const read = (queue: string): Promise<Content> =>
    link.ask(async (channel) => contentOf(await take(channel, queue, false)));

  return { change, update, read };
};
