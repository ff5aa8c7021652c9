import type { Channel } from 'rabbitmq-client';
import type { ConsumerSpec, PlanEntry } from '../transport/index.ts';
import { readDifference } from './declare-queue.ts';
import { codeOf, type Link } from './link.ts';
import type { Names } from './names.ts';
import { levelsOf, type Queue, type Topology } from './topology.ts';

const MAX_DIFFERENCES = 8;

interface Parts {
  readonly link: Link;
  readonly names: Names;
  readonly topology: Topology;
  /** The event names that a consumer is bound to, where that is noted. */
  readonly boundNames: (consumer: string) => Promise<readonly string[] | undefined>;
}

const entry = (what: string, is: PlanEntry['is'], detail?: string): PlanEntry => ({ what, is, detail });

const shown = (value: unknown): string => (value === undefined ? 'none' : String(value));

/** Compares what is at the broker with what consumers need. Makes nothing and changes nothing. */
export const createCompare = ({ link, names, topology, boundNames }: Parts) => {
  const isThere = async (ask: (channel: Channel) => Promise<unknown>): Promise<boolean> => {
    try {
      await link.ask(ask);
      return true;
    } catch (error) {
      if (codeOf(error) === 'NOT_FOUND') return false;
      throw error;
    }
  };

  /** A queue that is there is declared again: that changes nothing, and the broker names the first difference. */
  const differenceOf = async (queue: Queue): Promise<readonly string[] | undefined> => {
    const found: string[] = [];
    let next = queue;
    while (found.length < MAX_DIFFERENCES) {
      try {
        await link.ask((channel) => channel.queueDeclare(next));
        return found;
      } catch (error) {
        if (codeOf(error) === 'ACCESS_REFUSED') return undefined;
        const { argument, current } = readDifference(error instanceof Error ? error.message : String(error));
        if (codeOf(error) !== 'PRECONDITION_FAILED' || !argument) throw error;
        const planned: unknown = Reflect.get(queue.arguments, argument);
        found.push(`${argument} is ${shown(current)}, planned ${shown(planned)}`);
        const { [argument]: _, ...rest } = next.arguments;
        next = { ...next, arguments: current === undefined ? rest : { ...rest, [argument]: current } };
      }
    }
    return found;
  };

  const compareQueue = async (queue: Queue): Promise<PlanEntry> => {
    const what = `queue ${queue.queue}`;
    if (!(await isThere((channel) => channel.queueDeclare({ queue: queue.queue, passive: true }))))
      return entry(what, 'missing');
    const differences = await differenceOf(queue);
    if (!differences)
      return entry(what, 'present', 'its arguments cannot be compared without the right to configure it');
    return differences.length > 0 ? entry(what, 'different', differences.join('; ')) : entry(what, 'present');
  };

  const compareExchange = async (): Promise<PlanEntry> => {
    const { exchange } = names;
    const what = `exchange ${exchange}`;
    if (!(await isThere((channel) => channel.exchangeDeclare({ exchange, passive: true }))))
      return entry(what, 'missing');
    try {
      await link.ask((channel) => channel.exchangeDeclare({ exchange, type: 'topic', durable: true }));
      return entry(what, 'present');
    } catch (error) {
      if (codeOf(error) === 'ACCESS_REFUSED') return entry(what, 'present');
      if (codeOf(error) !== 'PRECONDITION_FAILED') throw error;
      return entry(what, 'different', error instanceof Error ? error.message : String(error));
    }
  };

  /** AMQP cannot list bindings: this tells what processes have noted. */
  const compareBindings = async (spec: ConsumerSpec): Promise<PlanEntry[]> => {
    const queue = names.queue(spec.consumer);
    const whatOf = (eventName: string) =>
      `binding ${names.exchange} -> ${queue} routing-key=${JSON.stringify(eventName)}`;
    const bound = await boundNames(spec.consumer);
    if (!bound) return [];
    const unplanned = bound.filter((name) => !spec.names.includes(name));
    return [
      ...spec.names.map((name) => entry(whatOf(name), bound.includes(name) ? 'present' : 'missing')),
      ...unplanned.map((name) => entry(whatOf(name), 'unplanned', 'a process of another version may need it')),
    ];
  };

  const compareConsumer = async (spec: ConsumerSpec): Promise<PlanEntry[]> => {
    const queues = [topology.queue(spec), ...levelsOf(spec).map((ms) => topology.retry(spec, ms))];
    const entries: PlanEntry[] = [];
    for (const queue of queues) entries.push(await compareQueue(queue));
    const [main] = entries;
    const bindings = await compareBindings(spec);
    return main?.is === 'missing'
      ? [
          ...entries,
          ...topology
            .bindings(spec)
            .map(({ exchange, queue, routingKey }) =>
              entry(`binding ${exchange} -> ${queue} routing-key=${JSON.stringify(routingKey)}`, 'missing'),
            ),
        ]
      : [...entries, ...bindings];
  };

  return async (specs: readonly ConsumerSpec[]): Promise<PlanEntry[]> => {
    const entries = [await compareExchange()];
    if (specs.length === 0) return entries;
    for (const queue of [topology.directory(), topology.dead()]) entries.push(await compareQueue(queue));
    for (const spec of specs) entries.push(...(await compareConsumer(spec)));
    return entries;
  };
};
