import { type Admin, ConfigResourceTypes } from '@platformatic/kafka';
import type { ConsumerSpec, PlanEntry } from '../transport/index.ts';
import { isOneOf } from './errors.ts';
import { type GroupOffsets, partitionsOf } from './group-offsets.ts';
import type { Names } from './names.ts';
import type { TopicPlan } from './topics.ts';

interface Parts {
  readonly admin: Admin;
  readonly names: Names;
  readonly offsets: GroupOffsets;
  readonly listTopics: () => Promise<readonly string[]>;
  /** The topics that consumers need, and those of what the service sends. */
  readonly plansOf: (specs: readonly ConsumerSpec[]) => readonly TopicPlan[];
}

const entry = (what: string, is: PlanEntry['is'], detail?: string): PlanEntry => ({ what, is, detail });

/** Compares what is at the broker with what consumers need. Makes nothing and changes nothing. */
export const createCompare = ({ admin, names, offsets, listTopics, plansOf }: Parts) => {
  /** `undefined` without the right to see them. */
  const configsOf = async ({ topic, configs }: TopicPlan): Promise<ReadonlyMap<string, string> | undefined> => {
    const keys = Object.keys(configs);
    if (keys.length === 0) return new Map();
    try {
      const [found] = await admin.describeConfigs({
        resources: [{ resourceType: ConfigResourceTypes.TOPIC, resourceName: topic, configurationKeys: keys }],
      });
      return new Map(found?.configs.map(({ name, value }) => [name, value ?? '']));
    } catch (error) {
      if (isOneOf(error, /AUTHORIZATION_FAILED/)) return undefined;
      throw error;
    }
  };

  const compareTopic = async (plan: TopicPlan, existing: ReadonlySet<string>): Promise<PlanEntry> => {
    const what = `topic ${plan.topic}`;
    if (!existing.has(plan.topic)) return entry(what, 'missing');
    const differences: string[] = [];
    const partitions = await partitionsOf(admin, plan.topic);
    if (partitions !== plan.partitions) differences.push(`partitions is ${partitions}, planned ${plan.partitions}`);
    const configs = await configsOf(plan);
    for (const [name, planned] of Object.entries(plan.configs)) {
      const current = configs?.get(name);
      if (configs && current !== planned) differences.push(`${name} is ${current}, planned ${planned}`);
    }
    if (differences.length > 0) return entry(what, 'different', differences.join('; '));
    return entry(
      what,
      'present',
      configs ? undefined : 'its settings cannot be compared without the right to see them',
    );
  };

  /** A group has a position in each topic that its consumer gets. */
  const compareGroup = async (spec: ConsumerSpec): Promise<PlanEntry[]> => {
    const group = names.group(spec.consumer);
    const whatOf = (topic: string) => `position of group ${group} in ${topic}`;
    const committed = [...(await offsets.committed(group)).keys()].filter(names.isEventTopic);
    const wanted = spec.names.map(names.eventTopic);
    return [
      ...wanted.map((topic) => entry(whatOf(topic), committed.includes(topic) ? 'present' : 'missing')),
      ...committed
        .filter((topic) => !wanted.includes(topic))
        .map((topic) => entry(whatOf(topic), 'unplanned', 'a process of another version may need it')),
    ];
  };

  return async (specs: readonly ConsumerSpec[]): Promise<PlanEntry[]> => {
    const existing = new Set(await listTopics());
    const entries: PlanEntry[] = [];
    for (const plan of plansOf(specs)) entries.push(await compareTopic(plan, existing));
    for (const spec of specs) entries.push(...(await compareGroup(spec)));
    const planned = new Set(specs.map(({ consumer }) => consumer));
    for (const topic of [...existing].sort()) {
      const consumer = names.consumerOf(topic);
      if (consumer !== undefined && !planned.has(consumer)) entries.push(entry(`topic ${topic}`, 'unplanned'));
    }
    return entries;
  };
};
