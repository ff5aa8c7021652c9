import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { Channel } from 'rabbitmq-client';
import type { ConsumerSpec } from '../transport/index.ts';
import type { Declarer } from './declare-queue.ts';
import { type Link, pause } from './link.ts';
import { bodyOf, type Received } from './message.ts';
import type { Names } from './names.ts';
import type { Topology } from './topology.ts';

/** What is known of a consumer at the broker. */
export interface ConsumerRecord {
  /** The event names that versions of the consumer are bound to. */
  readonly versions: Readonly<Record<string, readonly string[]>>;
  /** The present name of a consumer that was renamed. */
  readonly renamedTo?: string | undefined;
  /** The name that it had before. */
  readonly formerly?: string | undefined;
  /** Whether another consumer may have the name, although dead letters of the one that was renamed may be left. */
  readonly isFree?: boolean | undefined;
}

/** A process has a record for some milliseconds. */
const TRY_AGAIN_MS = 20;
const MAX_TRIES = 25;

const EMPTY: ConsumerRecord = { versions: {} };

/** Names the set of event names that one version of a program consumes. */
export const versionOf = (names: readonly string[]): string =>
  createHash('sha256')
    .update(JSON.stringify([...names].sort()))
    .digest('hex')
    .slice(0, 16);

export const namesIn = ({ versions }: ConsumerRecord): string[] => [...new Set(Object.values(versions).flat())];

const parse = (message: Received): ConsumerRecord => {
  try {
    const { versions, renamedTo, formerly, isFree }: Partial<ConsumerRecord> = JSON.parse(bodyOf(message).toString());
    return { versions: versions ?? {}, renamedTo, formerly, isFree };
  } catch {
    return EMPTY;
  }
};

/** Two processes may have written at the same time, or one has died in between: nothing that either knew is forgotten. */
const merge = (records: readonly ConsumerRecord[]): ConsumerRecord => ({
  ...records.at(-1),
  versions: Object.assign({}, ...records.map(({ versions }) => versions)),
});

const takeAll = async (channel: Channel, queue: string): Promise<Received[]> => {
  const taken: Received[] = [];
  for (;;) {
    const message = await channel.basicGet({ queue });
    if (!message) return taken;
    taken.push(message);
  }
};

/** Reads and writes the records of consumers. While a process has a record, no other process can change it. */
export const createRecords = (link: Link, recordOf: Names['record'], topology: Topology, declarer: Declarer) => {
  const write = async (channel: Channel, queue: string, record: ConsumerRecord, old: readonly Received[]) => {
    await channel.confirmSelect();
    await channel.basicPublish({ routingKey: queue, durable: true }, Buffer.from(JSON.stringify(record)));
    for (const { deliveryTag } of old) channel.basicAck({ deliveryTag });
    await channel.queueDeclare({ queue, passive: true });
  };

  /** Takes the record, and waits while another process has it. */
  const take = async (channel: Channel, queue: string, isNew: boolean): Promise<Received[]> => {
    for (let tries = 0; ; tries++) {
      const taken = await takeAll(channel, queue);
      if (taken.length > 0 || isNew || tries === MAX_TRIES) return taken;
      await pause(TRY_AGAIN_MS);
    }
  };

  /** Gives the record to `change`, and keeps what that returns. */
  const update = async (
    spec: ConsumerSpec,
    change: (record: ConsumerRecord) => Promise<ConsumerRecord> | ConsumerRecord,
  ): Promise<ConsumerRecord> => {
    const queue = topology.record(spec);
    const isNew = (await declarer.look(queue.queue)) === undefined;
    await link.ask((channel) => declarer.declare(channel, queue));
    return link.ask(async (channel) => {
      const old = await take(channel, queue.queue, isNew);
      const before = merge(old.map(parse));
      const after = await change(before);
      const isSame = JSON.stringify(before) === JSON.stringify(after);
      if (!isSame || old.length > 1) await write(channel, queue.queue, after, old);
      return after;
    });
  };

  /** Reads the record of a consumer that has one. */
  const read = (consumer: string): Promise<ConsumerRecord> =>
    link.ask(async (channel) => merge((await take(channel, recordOf(consumer), false)).map(parse)));

  return { update, read };
};

export type Records = ReturnType<typeof createRecords>;
