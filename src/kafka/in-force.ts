import type { ConnectionContext, ConsumerSpec } from '../transport/index.ts';
import { inForceRecord } from './consumer-state.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { GroupOffsets, OffsetsByTopic } from './group-offsets.ts';
import type { Names } from './names.ts';
import type { NewRecord } from './records.ts';
import type { Renaming } from './renaming.ts';
import type { Topics } from './topics.ts';
import type { Topology } from './topology.ts';
import { whenKnown } from './trying.ts';

export interface InForceParts {
  readonly names: Names;
  readonly topology: Topology;
  readonly topics: Topics;
  readonly offsets: GroupOffsets;
  readonly renaming: Renaming;
  readonly deadLetters: DeadLetters;
  readonly write: (record: NewRecord) => Promise<void>;
  /** Whether an operator makes the topics. */
  readonly isChecked: boolean;
  readonly from: 'now' | 'earliest';
  readonly report: ConnectionContext['report'];
}

/** What `declare` has found out. */
export interface InForce {
  /** Where partitions begin that have no committed offset, and are not new. */
  readonly starts: OffsetsByTopic;
  /** What the consumer has given up. Old processes may still hold on to it, but none that has come later is asked. */
  readonly others: OffsetsByTopic;
  /** Whether processes of the former name still have its events. */
  readonly isPending: boolean;
}

const without = (offsets: OffsetsByTopic, known: OffsetsByTopic): OffsetsByTopic =>
  new Map(
    [...offsets].map(([topic, partitions]) => [
      topic,
      new Map([...partitions].filter(([partition]) => known.get(topic)?.has(partition) !== true)),
    ]),
  );

/** Puts consumers in force: from then on, each event waits for them. */
export const createInForce = (parts: InForceParts) => {
  const { names, topology, topics, offsets, renaming, deadLetters, write, isChecked, from, report } = parts;

  /** The topics of events that the consumer does not consume any more. */
  const othersOf = ({ names: events }: ConsumerSpec, committed: OffsetsByTopic): OffsetsByTopic => {
    const wanted = events.map(names.eventTopic);
    return new Map([...committed].filter(([topic]) => names.isEventTopic(topic) && !wanted.includes(topic)));
  };

  /** Fixes where a consumer begins. Not possible while someone is in the group; then its first reader commits it. */
  const fixStarts = async (
    consumer: string,
    fresh: readonly string[],
    known: OffsetsByTopic,
  ): Promise<OffsetsByTopic> => {
    if (fresh.length === 0) return new Map();
    const bounds = await whenKnown(() => (from === 'earliest' ? offsets.starts(fresh) : offsets.ends(fresh)));
    const starts = without(bounds, known);
    await offsets.alter(names.group(consumer), starts);
    return starts;
  };

  /**
   * Whether the consumer was in force before. Kafka forgets the offsets of a group that nobody is in after seven days. The
   * retry topic stays, but an operator may have made it beforehand, or it may be left of a former name.
   */
  const wasInForce = async (consumer: string, committed: OffsetsByTopic): Promise<boolean> => {
    if (!(await topics.exists(names.retryTopic(consumer)))) return false;
    if (committed.size > 0) return true;
    const state = await deadLetters.stateOf(consumer);
    // Without a record, a topic that this transport has made tells it.
    return state ? state.renamedTo === undefined : !isChecked;
  };

  const declare = async (spec: ConsumerSpec): Promise<InForce> => {
    const { consumer, names: events, formerly } = spec;
    const wanted = events.map(names.eventTopic);
    const group = names.group(consumer);
    for (const event of events) await topics.declare(topology.events(event));
    await topics.declare(topology.dead);
    let committed = await offsets.committed(group);
    const isNew = !(await wasInForce(consumer, committed));
    let isForgotten = !isNew && committed.size === 0;
    if (isNew && formerly !== undefined) {
      if (!(await renaming.takeOver(consumer, formerly)))
        return { starts: new Map(), others: new Map(), isPending: true };
      committed = await offsets.committed(group);
      isForgotten = committed.size === 0 && (await wasInForce(formerly, committed));
    }
    if (isForgotten) report('warn', 'event_consumer_offsets_missing', { consumer });
    const fresh = isForgotten ? [] : wanted.filter((topic) => isNew || !committed.has(topic));
    const starts = await fixStarts(consumer, fresh, committed);
    const others = othersOf(spec, committed);
    await offsets.forget(group, others);
    // Both say that the consumer is in force. Made last.
    if (isNew || isChecked) await write(inForceRecord(names.deadTopic, consumer));
    await topics.declare(topology.retry(spec));
    if (formerly !== undefined) await renaming.moveRetries(consumer, formerly);
    return { starts, others, isPending: false };
  };

  return { declare };
};
