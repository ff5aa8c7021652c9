import { type Admin, deleteTopicsV6 } from '@platformatic/kafka';
import { sleep } from '../shared/sleep.ts';
import type { ConnectionContext } from '../transport/index.ts';
import { isOneOf, isUnknownTopic } from './errors.ts';
import { whenKnown, whenReady } from './trying.ts';

const DELETE_MS = 5_000;
const GONE_TRIES = 40;
const GONE_PAUSE_MS = 50;

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

  const find = async (topic: string) => {
    try {
      const metadata = await admin.metadata({ topics: [topic], forceUpdate: true });
      return metadata.topics.get(topic);
    } catch (error) {
      if (isUnknownTopic(error)) return undefined;
      throw error;
    }
  };

  const warnOfOneReplica = async (topic: string): Promise<void> => {
    const { topics, brokers } = await admin.metadata({ topics: [topic], forceUpdate: true });
    const replicas = topics.get(topic)?.partitions.map((partition) => partition.replicas.length) ?? [];
    if (brokers.size > 1 && replicas.includes(1))
      report('warn', 'event_topic_not_replicated', { topic, brokers: brokers.size });
  };

  const create = async ({ topic, partitions, configs }: TopicPlan): Promise<void> => {
    try {
      await admin.createTopics({
        topics: [topic],
        partitions,
        // Left out, the default of the broker counts.
        replicas: replicas ?? -1,
        configs: Object.entries(configs).map(([name, value]) => ({ name, value })),
      });
    } catch (error) {
      if (isOneOf(error, /TOPIC_ALREADY_EXISTS/)) return;
      // Another may have made it, although this process must not.
      if (!isOneOf(error, /AUTHORIZATION_FAILED/) || (await find(topic)) === undefined) throw error;
    }
  };
  /** Brokers know of a topic a little later. Another process may have made it, or removed it again. */
  const make = (plan: TopicPlan): Promise<void> =>
    whenKnown(async () => {
      await create(plan);
      await warnOfOneReplica(plan.topic);
    });
  const look = async ({ topic }: TopicPlan): Promise<void> => {
    try {
      await warnOfOneReplica(topic);
    } catch (error) {
      if (!isUnknownTopic(error)) throw error;
      throw Object.assign(new Error(`The topic ${topic} is missing, and topology is "check"`), {
        code: 'TOPIC_MISSING',
      });
    }
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
  const exists = async (topic: string): Promise<boolean> => (await find(topic)) !== undefined;
  /** Tells this topic from another one that has the same name later. */
  const idOf = async (topic: string): Promise<string | undefined> => (await find(topic))?.id;
  const deleteById = async (topicId: string): Promise<void> => {
    const { brokers, controllerId } = await admin.metadata({ topics: [], forceUpdate: true });
    const controller = brokers.get(controllerId) ?? [...brokers.values()][0];
    if (!controller) throw new Error('There is no broker');
    const connection = await admin.connections.get(controller);
    // The type wants a name, and the broker refuses a name beside an id.
    const topic = { topicId } as Parameters<typeof deleteTopicsV6.api.async>[1][number];
    await deleteTopicsV6.api.async(connection, [topic], DELETE_MS);
  };
  /** Removes a topic, but no other one of its name. Resolves with whether it is gone. */
  const removeById = async (topic: string, topicId: string): Promise<boolean> => {
    declared.delete(topic);
    try {
      await whenReady(() => deleteById(topicId));
    } catch (error) {
      if (isOneOf(error, /AUTHORIZATION_FAILED|TOPIC_DELETION_DISABLED/)) return false;
      if (!isUnknownTopic(error)) throw error;
    }
    // Brokers know of it a little later.
    for (let tries = 0; tries < GONE_TRIES && (await idOf(topic)) === topicId; tries++) await sleep(GONE_PAUSE_MS);
    return true;
  };

  return { declare, forget, remove, removeById, idOf, exists };
};

export type Topics = ReturnType<typeof createTopics>;
