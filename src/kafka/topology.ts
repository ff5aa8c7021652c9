import type { ConsumerSpec } from '../transport/index.ts';
import type { Names } from './names.ts';
import type { TopicPlan } from './topics.ts';

const DAY_MS = 24 * 60 * 60 * 1_000;

/** The topics of a service, as they have to be. */
export const createTopology = (names: Names, partitions: number) => {
  const events = (event: string): TopicPlan => ({ topic: names.eventTopic(event), partitions, configs: {} });
  /** A retry is kept for as long as its consumer, and for its longest wait. */
  const retry = ({ consumer, expiresAfterMs }: Pick<ConsumerSpec, 'consumer' | 'expiresAfterMs'>): TopicPlan => ({
    topic: names.retryTopic(consumer),
    partitions,
    configs: { 'cleanup.policy': 'delete', 'retention.ms': String(Math.ceil(expiresAfterMs + DAY_MS)) },
  });
  /** Letters are kept until they are removed. What is removed is taken away by compaction. */
  const dead: TopicPlan = {
    topic: names.deadTopic,
    partitions: 1,
    configs: { 'cleanup.policy': 'compact', 'retention.ms': '-1' },
  };
  /**
   * When consumers were last run. What is newer than a day is all there, so that the order of its records can be relied
   * on; of what is older, compaction leaves the last of each kind.
   */
  const usage: TopicPlan = {
    topic: names.usageTopic,
    partitions: 1,
    configs: {
      'cleanup.policy': 'compact',
      'retention.ms': '-1',
      'min.compaction.lag.ms': String(DAY_MS),
      'segment.ms': String(DAY_MS),
    },
  };
  return { events, retry, dead, usage };
};

export type Topology = ReturnType<typeof createTopology>;

const describe = ({ topic, partitions, configs }: TopicPlan): string => {
  const settings = Object.entries(configs).map(([name, value]) => ` ${name}=${value}`);
  return `topic ${topic} partitions=${partitions}${settings.join('')}`;
};

/** The topics that have to exist for these consumers and for what is sent. */
export const planTopics = (
  topology: Topology,
  consumers: readonly ConsumerSpec[],
  sends: ReadonlySet<string> | 'all',
): TopicPlan[] => {
  const sent = sends === 'all' ? [] : [...sends];
  const events = new Set([...sent, ...consumers.flatMap((consumer) => consumer.names)]);
  const dead = consumers.length > 0 ? [topology.dead] : [];
  return [...[...events].map(topology.events), ...consumers.map(topology.retry), ...dead];
};

/** What has to exist at the broker, and what of it this service does. */
export const planLines = (
  names: Names,
  topology: Topology,
  consumers: readonly ConsumerSpec[],
  sends: ReadonlySet<string> | 'all',
): string[] => {
  const groups = consumers.map(({ consumer }) => `group ${names.group(consumer)}`);
  return [...planTopics(topology, consumers, sends).map(describe), ...groups];
};
