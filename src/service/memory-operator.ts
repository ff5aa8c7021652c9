import type { ConsumerSpec, OperatorTools, PlanEntry } from '../transport/index.ts';
import type { SeenConsumer } from './memory-queue.ts';

interface Parts {
  readonly consumers: () => readonly SeenConsumer[];
  /** Removes a consumer with its events. Tells whether there was one. */
  readonly forget: (consumer: string) => boolean;
  readonly tail: OperatorTools['tail'];
}

const namesOf = (names: readonly string[]): string => [...names].sort().join(', ');

const compareOne = (spec: ConsumerSpec, found: SeenConsumer | undefined): PlanEntry => {
  const what = `consumer ${spec.consumer}`;
  if (!found) return { what, is: 'missing', detail: undefined };
  const [has, wants] = [namesOf(found.names), namesOf(spec.names)];
  if (has === wants) return { what, is: 'present', detail: undefined };
  return { what, is: 'different', detail: `it has the events ${has}, and needs ${wants}` };
};

/** What an operator needs of a service in memory. */
export const createMemoryOperator = ({ consumers, forget, tail }: Parts): OperatorTools => ({
  consumers: async () => [...consumers()].sort((a, b) => (a.consumer < b.consumer ? -1 : 1)),
  remove: async (consumer) => {
    if (consumers().some((found) => found.consumer === consumer && found.isRun))
      throw new Error(`A process runs the consumer ${consumer}`);
    return forget(consumer);
  },
  compare: async (specs) => {
    const found = consumers();
    const planned = new Set(specs.map(({ consumer }) => consumer));
    const unplanned = found.filter(({ consumer }) => !planned.has(consumer));
    return [
      ...specs.map((spec) =>
        compareOne(
          spec,
          found.find(({ consumer }) => consumer === spec.consumer),
        ),
      ),
      ...unplanned.map(
        ({ consumer }): PlanEntry => ({ what: `consumer ${consumer}`, is: 'unplanned', detail: undefined }),
      ),
    ];
  },
  tail,
});
