import type { GroupPartitionsAssigner } from '@platformatic/kafka';

/**
 * Gives each partition to one of the members that subscribe to its topic, in turns. The assigner of the client knows the
 * topics of the leader alone, and gives them to members that do not read them.
 */
export const assignToSubscribers: GroupPartitionsAssigner = (_, members, __, metadata) => {
  const ordered = [...members.values()].sort((a, b) => (a.memberId < b.memberId ? -1 : 1));
  const assigned = new Map(ordered.map(({ memberId }) => [memberId, new Map<string, number[]>()]));
  const load = new Map(ordered.map(({ memberId }) => [memberId, 0]));
  const topics = [...new Set(ordered.flatMap(({ topics: subscribed = [] }) => subscribed))].sort();
  for (const topic of topics) {
    const subscribers = ordered.filter(({ topics: subscribed = [] }) => subscribed.includes(topic));
    const count = metadata.topics.get(topic)?.partitionsCount ?? 0;
    for (let partition = 0; partition < count; partition++) {
      const { memberId } = subscribers.reduce((least, member) =>
        (load.get(member.memberId) ?? 0) < (load.get(least.memberId) ?? 0) ? member : least,
      );
      const own = assigned.get(memberId);
      own?.set(topic, [...(own.get(topic) ?? []), partition]);
      load.set(memberId, (load.get(memberId) ?? 0) + 1);
    }
  }
  return [...assigned].map(([memberId, own]) => ({
    memberId,
    assignments: new Map([...own].map(([topic, partitions]) => [topic, { topic, partitions }])),
  }));
};
