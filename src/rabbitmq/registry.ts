import type { Channel } from 'rabbitmq-client';
import type { ConnectionContext, ConsumerSpec } from '../transport/index.ts';
import type { Declarer } from './declare-queue.ts';
import { codeOf, type Link } from './link.ts';
import type { Names } from './names.ts';
import { type ConsumerRecord, namesIn, type Records, versionOf } from './record.ts';
import { levelsOf, type Queue, type Topology } from './topology.ts';

/** How often it is looked whether the last process of another version has ended. */
const LOOK_AGAIN_MS = 10_000;

interface Parts {
  readonly link: Link;
  readonly names: Names;
  readonly topology: Topology;
  readonly declarer: Declarer;
  readonly records: Records;
  readonly isClosed: () => boolean;
  readonly report: ConnectionContext['report'];
}

/** What became of the name of a consumer. */
export interface Renamed {
  /** The present name. */
  readonly consumer: string;
  /** Whether another consumer may have the old name. */
  readonly isFree: boolean;
}

const hasSameNames = (record: ConsumerRecord, spec: ConsumerSpec): boolean =>
  versionOf(namesIn(record)) === versionOf(spec.names);

/** Makes what consumers need at the broker, and gives up what they need no more. */
export const createRegistry = ({ link, names, topology, declarer, records, isClosed, report }: Parts) => {
  /** Consumers whose other versions still run. */
  const looking = new Set<string>();
  /** The names of the consumers of this process. */
  const declared = new Set<string>();

  const declareExchange = (channel: Channel) =>
    channel.exchangeDeclare({ exchange: names.exchange, type: 'topic', durable: true });

  const isPresent = async (consumer: string, version: string): Promise<boolean> => {
    const found = await declarer.look(names.present(consumer, version));
    return found !== undefined && found.consumers > 0;
  };

  const unbind = async (consumer: string, eventNames: readonly string[]): Promise<void> => {
    await link.ask(async (channel) => {
      for (const binding of topology.bindings({ consumer, names: eventNames })) await channel.queueUnbind(binding);
    });
  };

  /** The same, where the queue may be gone. */
  const unbindQueue = async ({ consumer, names: eventNames }: ConsumerSpec): Promise<void> => {
    if (await declarer.look(names.queue(consumer))) await unbind(consumer, eventNames);
  };

  /** Gives up the event names that only versions have had which no process runs any more. */
  const settleNames = async (spec: ConsumerSpec): Promise<ConsumerRecord> => {
    const { consumer } = spec;
    const own = versionOf(spec.names);
    let others = 0;
    const settled = await records.update(spec, async (record) => {
      const living: Record<string, readonly string[]> = { [own]: spec.names };
      for (const [version, eventNames] of Object.entries(record.versions))
        if (version !== own && (await isPresent(consumer, version))) living[version] = eventNames;
      others = Object.keys(living).length - 1;
      const wanted = new Set(Object.values(living).flat());
      const givenUp = namesIn(record).filter((name) => !wanted.has(name));
      if (givenUp.length > 0) await unbind(consumer, givenUp);
      for (const eventName of givenUp) report('warn', 'event_name_given_up', { consumer, eventName });
      return { ...record, versions: Object.fromEntries(Object.entries(living).sort()) };
    });
    if (others > 0) lookAgain(spec);
    return settled;
  };
  const lookAgain = (spec: ConsumerSpec): void => {
    if (looking.has(spec.consumer)) return;
    looking.add(spec.consumer);
    const look = async () => {
      looking.delete(spec.consumer);
      if (isClosed()) return;
      await settleNames(spec).catch((error: unknown) => {
        report('warn', 'event_transport_trouble', { consumer: spec.consumer, error });
        lookAgain(spec);
      });
    };
    setTimeout(look, LOOK_AGAIN_MS).unref();
  };

  const declareQueues = async (spec: ConsumerSpec): Promise<void> => {
    const queues = [topology.dead(), topology.queue(spec), ...levelsOf(spec).map((ms) => topology.retry(spec, ms))];
    await link.ask(async (channel) => {
      for (const queue of queues) await declarer.declare(channel, queue);
    });
  };

  /** Takes the events over from the former name at once: in between, both queues get each event. */
  const bind = async (spec: ConsumerSpec): Promise<void> => {
    const { formerly } = spec;
    const hasFormer = formerly !== undefined && (await declarer.look(names.queue(formerly))) !== undefined;
    await link.ask(async (channel) => {
      await declareExchange(channel);
      for (const binding of topology.bindings(spec)) {
        await channel.queueBind(binding);
        if (hasFormer) await channel.queueUnbind({ ...binding, queue: names.queue(formerly) });
      }
    });
  };

  const recordOf = async (consumer: string): Promise<ConsumerRecord | undefined> =>
    (await declarer.look(names.record(consumer))) ? records.read(consumer) : undefined;

  /** All names that a consumer had or has, one after another. It may have been renamed several times, and back. */
  const follow = async (consumer: string, member: 'renamedTo' | 'formerly'): Promise<string[]> => {
    const found: string[] = [];
    let next = (await recordOf(consumer))?.[member];
    while (next !== undefined && next !== consumer && !found.includes(next)) {
      found.push(next);
      next = (await recordOf(next))?.[member];
    }
    return found;
  };

  /** The name that a consumer has now, if it was renamed. */
  const lastName = async (consumer: string): Promise<string | undefined> =>
    (await follow(consumer, 'renamedTo')).at(-1);
  const renamed = async (old: string): Promise<Renamed | undefined> => {
    const record = await recordOf(old);
    const consumer = record?.renamedTo === undefined ? undefined : await lastName(old);
    return consumer === undefined ? undefined : { consumer, isFree: record?.isFree === true };
  };

  /** The consumer as it is called now: an old process may start again after another one has renamed it. */
  const present = async (spec: ConsumerSpec): Promise<ConsumerSpec> => {
    const record = await recordOf(spec.consumer);
    if (!record || record.renamedTo === undefined || record.isFree || !hasSameNames(record, spec)) return spec;
    const consumer = (await lastName(spec.consumer)) ?? spec.consumer;
    // It was renamed back, or this process runs both: then they are two consumers.
    return consumer === spec.formerly || declared.has(consumer) ? spec : { ...spec, consumer };
  };

  /**
   * All names that a consumer had before, the last one first: what was not handled under one of them waits there. None for
   * an old process, whose consumer was renamed since.
   */
  const formerNames = async (spec: ConsumerSpec): Promise<string[]> => {
    const { formerly } = spec;
    if (formerly === undefined || (await present(spec)) !== spec) return [];
    const earlier = await follow(formerly, 'formerly');
    return [formerly, ...earlier.filter((name) => !declared.has(name))];
  };

  /** Notes that a consumer has its name again, and sets the names free that no version of it gives any more. */
  const noteNames = async (spec: ConsumerSpec, record: ConsumerRecord): Promise<void> => {
    const { formerly } = spec;
    if (record.renamedTo === undefined && record.formerly === formerly) return;
    const earlier = formerly === undefined ? await follow(spec.consumer, 'formerly') : [];
    for (const consumer of earlier)
      if (await recordOf(consumer))
        await records.update({ ...spec, consumer }, (known) => (known.renamedTo ? { ...known, isFree: true } : known));
    const isBack = record.isBack || record.renamedTo !== undefined;
    await records.update(spec, (now) =>
      // Another process may have renamed it just now.
      now.renamedTo === record.renamedTo ? { versions: now.versions, formerly, isBack } : { ...now, formerly },
    );
  };

  /** Tells the names of the consumers of this process, before they are declared. */
  const add = (consumers: readonly ConsumerSpec[]): void => {
    for (const { consumer } of consumers) declared.add(consumer);
  };

  /** Makes all that a consumer needs. Returns the consumer as it is called now. */
  const declare = async (given: ConsumerSpec): Promise<ConsumerSpec> => {
    const spec = await present(given);
    await declareQueues(spec);
    await bind(spec);
    // An earlier try may have bound the old name, before it was known that the consumer was renamed.
    if (spec !== given) await unbindQueue(given);
    const record = await settleNames(spec);
    // Another process has renamed it since, and may have unbound the old name before it was bound here.
    if (record.renamedTo !== undefined && (await present(given)).consumer !== spec.consumer) return declare(given);
    // An old process that runs a renamed consumer knows nothing of its names.
    if (spec === given) await noteNames(spec, record);
    return spec;
  };

  /** Uses the retry queues, so that they do not expire while their consumer is run. What is taken goes back at once. */
  const touch = async (spec: ConsumerSpec): Promise<void> => {
    for (const levelMs of levelsOf(spec)) {
      const { queue } = topology.retry(spec, levelMs);
      await link.ask((channel) => channel.basicGet({ queue }));
    }
  };

  /** No more events come to a former name from here on. */
  const retire = async (spec: ConsumerSpec, former: string): Promise<void> => {
    if (!(await declarer.look(names.queue(former)))) return;
    const old: ConsumerSpec = { ...spec, consumer: former };
    await records.update(old, async (record) => {
      const known = namesIn(record);
      await unbind(former, [...new Set([...known, ...spec.names])]);
      const versions = known.length > 0 ? record.versions : { [versionOf(spec.names)]: spec.names };
      return { ...record, versions, renamedTo: spec.consumer, isFree: undefined, isBack: undefined };
    });
  };

  /** Whether a process still runs a consumer under its former name. */
  const isRun = async (former: string): Promise<boolean> => {
    const { versions } = await records.read(former);
    for (const version of Object.keys(versions)) if (await isPresent(former, version)) return true;
    return false;
  };

  const check = async (consumers: readonly ConsumerSpec[]): Promise<void> => {
    const missing: string[] = [];
    const look = async (name: string, ask: (channel: Channel) => Promise<unknown>) => {
      try {
        await link.ask(ask);
      } catch (error) {
        if (codeOf(error) !== 'NOT_FOUND') throw error;
        missing.push(name);
      }
    };
    const { exchange } = names;
    await look(`exchange ${exchange}`, (channel) => channel.exchangeDeclare({ exchange, passive: true }));
    const queuesOf = (spec: ConsumerSpec): Queue[] => [
      topology.queue(spec),
      ...levelsOf(spec).map((ms) => topology.retry(spec, ms)),
    ];
    for (const { queue } of [topology.directory(), topology.dead(), ...consumers.flatMap(queuesOf)])
      await look(`queue ${queue}`, (channel) => channel.queueDeclare({ queue, passive: true }));
    if (missing.length > 0)
      throw new Error(`Missing at RabbitMQ: ${missing.join(', ')}. bus.plan() says how each has to be`);
  };

  const presentQueue = (spec: ConsumerSpec): Queue => topology.present(spec.consumer, versionOf(spec.names));

  return {
    add,
    declare,
    declareExchange,
    presentQueue,
    touch,
    retire,
    isRun,
    check,
    present,
    renamed,
    formerNames,
  };
};

export type Registry = ReturnType<typeof createRegistry>;
