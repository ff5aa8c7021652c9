import type { OperatorTools, PlanEntry, StoredConsumer } from '../transport/index.ts';
import { createCompare } from './compare.ts';
import type { Declarer } from './declare-queue.ts';
import type { ConsumerDirectory, DirectoryEntry } from './directory.ts';
import type { Link } from './link.ts';
import type { Names } from './names.ts';
import { namesIn, type Records } from './record.ts';
import { allLevels, type Topology } from './topology.ts';

interface Parts {
  readonly link: Link;
  readonly names: Names;
  readonly topology: Topology;
  readonly declarer: Declarer;
  readonly records: Records;
  readonly directory: ConsumerDirectory;
  readonly tail: OperatorTools['tail'];
}

/** What an operator needs, without the management plugin: AMQP alone. */
export const createOperator = ({ link, names, topology, declarer, records, directory, tail }: Parts): OperatorTools => {
  /** `undefined` where an operator has made the bindings. */
  const boundNames = async (consumer: string): Promise<readonly string[] | undefined> =>
    (await declarer.look(names.record(consumer))) ? namesIn(await records.read(consumer)) : undefined;

  const countRetries = async (consumer: string, levels: readonly number[]): Promise<number> => {
    let count = 0;
    for (const levelMs of levels) count += (await declarer.look(names.retry(consumer, levelMs)))?.messages ?? 0;
    return count;
  };

  const find = async (consumer: string, { seenAt, levels }: DirectoryEntry): Promise<StoredConsumer | undefined> => {
    const queue = await declarer.look(names.queue(consumer));
    const retries = await countRetries(consumer, levels);
    if (!queue && retries === 0) return undefined;
    const { messages = 0, consumers: processes = 0 } = queue ?? {};
    const isRun = processes > 0;
    return {
      consumer,
      names: (await boundNames(consumer))?.slice().sort(),
      inForce: queue !== undefined,
      waiting: messages + retries,
      isRun,
      processes,
      lastSeenAt: isRun ? new Date() : new Date(seenAt),
    };
  };

  const consumers = async (): Promise<StoredConsumer[]> => {
    const entries = await directory.read();
    const found: StoredConsumer[] = [];
    for (const name of Object.keys(entries).sort()) {
      const entry = entries[name];
      const one = entry && (await find(name, entry));
      if (one) found.push(one);
    }
    return found;
  };

  const remove = async (consumer: string): Promise<boolean> => {
    const queue = await declarer.look(names.queue(consumer));
    if (queue && queue.consumers > 0)
      throw new Error(`Cannot remove the consumer ${consumer}: ${queue.consumers} processes run it`);
    const isKnown = (await directory.read())[consumer] !== undefined;
    if (!queue && !isKnown) return false;
    // The queue first, so that nothing more comes. The note is last, so that what was interrupted is found again.
    const retryQueues = allLevels().map((levelMs) => names.retry(consumer, levelMs));
    for (const name of [names.queue(consumer), ...retryQueues, names.record(consumer)])
      await link.ask((channel) => channel.queueDelete({ queue: name }));
    await directory.forget(consumer);
    return queue !== undefined;
  };

  const comparePlanned = createCompare({ link, names, topology, boundNames });
  const compare: OperatorTools['compare'] = async (specs) => {
    const planned = new Set(specs.map(({ consumer }) => consumer));
    const entries = await comparePlanned(specs);
    const others = (await consumers()).filter(({ consumer }) => !planned.has(consumer));
    const unplanned = others.map(
      ({ consumer }): PlanEntry => ({ what: `queue ${names.queue(consumer)}`, is: 'unplanned', detail: undefined }),
    );
    return [...entries, ...unplanned];
  };

  return { consumers, remove, compare, tail };
};
