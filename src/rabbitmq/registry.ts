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

const hasSameNames = (record: ConsumerRecord, spec: ConsumerSpec): boolean =>
  versionOf(namesIn(record)) === versionOf(spec.names);

/** Makes what consumers need at the broker, and gives up what they need no more. */
export const createRegistry = ({ link, names, topology, declarer, records, isClosed, report }: Parts) => {
  /** Consumers whose other versions still run. */
  const looking = new Set<string>();

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

  /** Gives up the event names that only versions have had which no process runs any more. */
  const settleNames = async (spec: ConsumerSpec): Promise<void> => {
    const { consumer } = spec;
    const own = versionOf(spec.names);
    let others = 0;
    await records.update(spec, async (record) => {
      const living: Record<string, readonly string[]> = { [own]: spec.names };
      for (const [version, eventNames] of Object.entries(record.versions))
        if (version !== own && (await isPresent(consumer, version))) living[version] = eventNames;
      others = Object.keys(living).length - 1;
      const wanted = new Set(Object.values(living).flat());
      const givenUp = namesIn(record).filter((name) => !wanted.has(name));
      if (givenUp.length > 0) await unbind(consumer, givenUp);
      for (const eventName of givenUp) report('warn', 'event_name_given_up', { consumer, eventName });
      return { versions: Object.fromEntries(Object.entries(living).sort()) };
    });
    if (others > 0) lookAgain(spec);
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

  const bind = async (spec: ConsumerSpec): Promise<void> => {
    await link.ask(async (channel) => {
      await declareExchange(channel);
      for (const binding of topology.bindings(spec)) await channel.queueBind(binding);
    });
  };

  /** The name that a consumer was given by the last process that renamed it. */
  const renamedTo = async (consumer: string): Promise<string | undefined> =>
    (await declarer.look(names.record(consumer))) ? (await records.read(consumer)).renamedTo : undefined;

  /** The consumer as it is called now: an old process may start again after another one has renamed it. */
  const present = async (spec: ConsumerSpec): Promise<ConsumerSpec> => {
    if (!(await declarer.look(names.record(spec.consumer)))) return spec;
    const record = await records.read(spec.consumer);
    const { renamedTo } = record;
    return renamedTo === undefined || !hasSameNames(record, spec) ? spec : { ...spec, consumer: renamedTo };
  };

  /** Makes all that a consumer needs. Returns the consumer as it is called now. */
  const declare = async (given: ConsumerSpec): Promise<ConsumerSpec> => {
    const spec = await present(given);
    await declareQueues(spec);
    await bind(spec);
    await settleNames(spec);
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
      return { versions, renamedTo: spec.consumer };
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
    for (const { queue } of [topology.dead(), ...consumers.flatMap(queuesOf)])
      await look(`queue ${queue}`, (channel) => channel.queueDeclare({ queue, passive: true }));
    if (missing.length > 0)
      throw new Error(`Missing at RabbitMQ: ${missing.join(', ')}. bus.plan() says how each has to be`);
  };

  const presentQueue = (spec: ConsumerSpec): Queue => topology.present(spec.consumer, versionOf(spec.names));

  return { declare, declareExchange, presentQueue, touch, retire, isRun, check, present, renamedTo };
};

export type Registry = ReturnType<typeof createRegistry>;
