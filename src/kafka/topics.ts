import type { Admin } from '@platformatic/kafka';
import type { ConnectionContext } from '../transport/index.ts';
import { isOneOf, isUnknownTopic } from './errors.ts';
import { whenReady } from './trying.ts';

/** A topic as it has to be at the broker. */
export interface TopicPlan {
  readonly topic: string;
  readonly partitions: number;
  readonly configs: Readonly<Record<string, string>>;
}

export interface TopicsParts {
  readonly admin: Admin;
  /** Whether topics are made here, or only looked for. */
  readonly topology: 'declare' | 'check';
  readonly replicas: number | undefined;
  readonly report: ConnectionContext['report'];
}

/** Makes topics, or sees that they are there. */
export const createTopics = ({ admin, topology, replicas, report }: TopicsParts) => {
  const declared = new Map<string, Promise<void>>();

  const partitionsOf = async (topic: string): Promise<number | undefined> => {
    try {
      const metadata = await admin.metadata({ topics: [topic], forceUpdate: true });
      return metadata.topics.get(topic)?.partitionsCount;
    } catch (error) {
      if (isUnknownTopic(error)) return undefined;
      throw error;
    }
  };

  const warnOfOneReplica = async (topic: string, count: number): Promise<void> => {
    if (count !== 1) return;
    const { brokers } = await admin.metadata({ topics: [], forceUpdate: true });
    if (brokers.size > 1) report('warn', 'event_topic_not_replicated', { topic, brokers: brokers.size });
  };

  const make = async ({ topic, partitions, configs }: TopicPlan): Promise<void> => {
    try {
      const [made] = await admin.createTopics({
        topics: [topic],
        partitions,
        // Left out, the default of the broker counts.
        replicas: replicas ?? -1,
        configs: Object.entries(configs).map(([name, value]) => ({ name, value })),
      });
      if (made) await warnOfOneReplica(topic, made.replicas);
      // Brokers know of it a little later.
      await whenReady(() => admin.metadata({ topics: [topic], forceUpdate: true }));
    } catch (error) {
      if (isOneOf(error, /TOPIC_ALREADY_EXISTS/)) return;
      // Another may have made it, although this process must not.
      if (!isOneOf(error, /AUTHORIZATION_FAILED/) || (await partitionsOf(topic)) === undefined) throw error;
    }
  };
  const look = async ({ topic }: TopicPlan): Promise<void> => {
    if ((await partitionsOf(topic)) === undefined)
      throw Object.assign(new Error(`The topic ${topic} is missing, and topology is "check"`), {
        code: 'TOPIC_MISSING',
      });
  };

  /** Asks the broker once for each topic, while it goes well. */
  const declare = (plan: TopicPlan): Promise<void> => {
    const declaring = declared.get(plan.topic) ?? (topology === 'check' ? look(plan) : make(plan));
    declared.set(plan.topic, declaring);
    return declaring.catch((error) => {
      declared.delete(plan.topic);
      throw error;
    });
  };
  /** For a topic that was deleted. */
  const forget = (topic: string): void => {
    declared.delete(topic);
  };
  /** Resolves with whether it is gone. */
  const remove = async (topic: string): Promise<boolean> => {
    declared.delete(topic);
    try {
      await admin.deleteTopics({ topics: [topic] });
      return true;
    } catch (error) {
      if (isUnknownTopic(error)) return true;
      if (isOneOf(error, /AUTHORIZATION_FAILED|TOPIC_DELETION_DISABLED/)) return false;
      throw error;
    }
  };
  const exists = async (topic: string): Promise<boolean> => (await partitionsOf(topic)) !== undefined;

  return { declare, forget, remove, exists };
};

export type Topics = ReturnType<typeof createTopics>;
