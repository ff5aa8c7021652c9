import type { BaseOptions } from '@platformatic/kafka';
import { sleep } from '../shared/sleep.ts';
import { within } from '../shared/time-limit.ts';
import type {
  Connection,
  ConnectionContext,
  ConsumerSpec,
  OperatorTools,
  Receiving,
  TransportFeatures,
} from '../transport/index.ts';
import { createBatches } from './batches.ts';
import { CLAIM_MS } from './claims.ts';
import { createClients, createSockets } from './client.ts';
import { createCompare } from './compare.ts';
import { forgetConsumer } from './consumer-state.ts';
import { createDeadLetters } from './dead-letters.ts';
import { isNotReady, isRefusal, isTooLarge, isUnknownTopic } from './errors.ts';
import { createExpiry } from './expiry.ts';
import { createGroupOffsets } from './group-offsets.ts';
import { createInForce, type InForce } from './in-force.ts';
import { createNames } from './names.ts';
import { createOperator } from './operator.ts';
import { createCarryOut } from './outcomes.ts';
import { partitionOf } from './partition.ts';
import { type Receiver, startReceiver } from './receiver.ts';
import { bytesOf, type NewRecord, toBuffer } from './records.ts';
import { createRenaming } from './renaming.ts';
import { createSendOnce } from './send-once.ts';
import { stayConnected } from './stay-connected.ts';
import { startTail } from './tail.ts';
import { createTopics, type TopicPlan } from './topics.ts';
import { createTopology, planLines, planTopics } from './topology.ts';
import { startWideTail } from './wide-tail.ts';

export interface KafkaSettings {
  readonly base: Omit<BaseOptions, 'clientId'>;
  readonly topology: 'declare' | 'check';
  readonly partitions: number;
  readonly replicas: number | undefined;
  readonly sessionTimeoutMs: number;
  readonly commitIntervalMs: number;
  readonly maxUncommitted: number;
  readonly from: 'now' | 'earliest';
  readonly instanceId: string | undefined;
}

const FEATURES: TransportFeatures = {
  durable: true,
  enlists: false,
  ordersByKey: true,
  ordersAcrossNames: false,
  tails: true,
  keepsDeadLetters: true,
  tellsUnrouted: false,
  countsDeliveries: true,
  keepsAttemptsByKey: false,
  expiresConsumers: true,
  servesOperators: true,
  maxDelayMs: 24 * 60 * 60 * 1_000,
  // The broker takes 1 MiB by default, and the record has headers.
  maxBytes: 1_000_000,
};

const METADATA_MS = 30_000;
/** No answer takes that long, but that to a join. */
const REQUEST_MS = 5_000;
const PAUSE_MS = 100;
const CARRY_OUT_PAUSE_MS = 500;
const CARRY_OUT_MS = 3_000;
const TAKE_OVER_MS = 300;
/** For what an operator asks for. */
const ASK_MS = 15_000;
const CONTENT_TYPE = { 'content-type': 'application/cloudevents+json' };

const closedError = () => Object.assign(new Error('The connection is closed'), { outcome: 'not-sent' });

export const connect = (settings: KafkaSettings, context: ConnectionContext): Connection => {
  const { base, partitions, replicas, sessionTimeoutMs, commitIntervalMs, maxUncommitted, from } = settings;
  // Of this connection: another one of this process is another member of the same groups.
  const instanceId = settings.instanceId ?? crypto.randomUUID();
  const { service, namespace, sends, publishTimeoutMs, report } = context;
  const metadataMs = base.metadataMaxAge ?? METADATA_MS;
  const requestTimeoutMs = Math.max(Math.ceil(publishTimeoutMs / 3), 1);
  const sockets = createSockets();
  const clients = createClients(
    { requestTimeout: REQUEST_MS, metadataMaxAge: metadataMs, ...base, clientId: `mapbus-${service}` },
    requestTimeoutMs,
    sockets,
  );
  const names = createNames(service, namespace);
  const topology = createTopology(names, partitions);
  const admin = clients.admin();
  const producer = clients.producer();
  const topics = createTopics({ admin: admin.client, topology: settings.topology, replicas, report });
  const offsets = createGroupOffsets(admin.client);
  const closing = new AbortController();
  const closed = new AbortController();
  const declared = new Map<string, InForce>();
  const receivers = new Set<Receiver>();
  const tails = new Set<Receiving>();
  const carrying = new Set<Promise<unknown>>();
  let joins = 0;
  let isInTrouble = false;

  const trouble = (error: unknown): void => {
    if (!closed.signal.aborted) report(isInTrouble ? 'debug' : 'warn', 'event_transport_trouble', { error });
    isInTrouble = true;
  };
  const askForBrokers = async () => {
    await admin.client.metadata({ topics: [], forceUpdate: true });
    isInTrouble = false;
  };
  void stayConnected(askForBrokers, trouble, closing.signal);

  const plans = new Map<string, TopicPlan>();
  const declareTopic = (plan: TopicPlan): Promise<void> => {
    plans.set(plan.topic, plan);
    return topics.declare(plan);
  };
  /** Makes a topic again that was deleted, if it was made here. */
  const remake = async (topic: string): Promise<void> => {
    topics.forget(topic);
    const plan = plans.get(topic);
    if (plan) await topics.declare(plan);
  };

  const batches = new Map<string, ReturnType<typeof createBatches<NewRecord>>>();
  /** Topics that were not ready when something was sent. */
  const unready = new Set<string>();
  const sendAll = async (topic: string, messages: NewRecord[], send: ReturnType<typeof createSendOnce>) => {
    const plan = plans.get(topic);
    if (plan) await topics.declare(plan);
    await send(messages);
    isInTrouble = false;
    unready.delete(topic);
  };
  const repair = async (topic: string, error: unknown): Promise<void> => {
    // A topic that was just made has no leader for a moment.
    const isBrief = (isUnknownTopic(error) || isNotReady(error)) && !unready.has(topic);
    if (isBrief) unready.add(topic);
    else trouble(error);
    if (isUnknownTopic(error)) topics.forget(topic);
    producer.client.clearMetadata();
    await sleep(PAUSE_MS, closed.signal);
  };
  const batchesOf = (topic: string) => {
    const known = batches.get(topic);
    if (known) return known;
    const send = createSendOnce(producer.client);
    // One for each topic, so that one that may not be written holds up no other.
    const created = createBatches<NewRecord>({
      sendAll: (messages) => sendAll(topic, messages, send),
      sizeOf: bytesOf,
      isRefusal,
      closed: closed.signal,
      pause: (error) => repair(topic, error),
    });
    batches.set(topic, created);
    return created;
  };
  const produce = (record: NewRecord, signal: AbortSignal): Promise<void> => {
    const { topic, key } = record;
    return batchesOf(topic)(key ? { ...record, partition: partitionOf(key) } : record, signal);
  };
  /** Writes what someone waits for. */
  const writeSoon = (record: NewRecord): Promise<void> => produce(record, AbortSignal.timeout(ASK_MS));
  /** Writes until it is written, or its partition is lost. */
  const produceSafely = async (record: NewRecord, signal: AbortSignal): Promise<void> => {
    for (;;) {
      try {
        await produce(record, signal);
        return;
      } catch (error) {
        if (signal.aborted || closed.signal.aborted || isTooLarge(error)) throw error;
        report('error', 'event_transport_trouble', { topic: record.topic, error });
        await sleep(CARRY_OUT_PAUSE_MS, signal);
      }
    }
  };

  const deadLetters = createDeadLetters({
    names,
    offsets,
    createReader: clients.reader,
    write: writeSoon,
    exists: topics.exists,
  });
  const later = (work: () => Promise<void>): void => {
    void sleep(CLAIM_MS, closing.signal)
      .then(() => (closing.signal.aborted ? undefined : work()))
      .catch(trouble);
  };
  const renaming = createRenaming({
    names,
    topics,
    offsets,
    deadLetters,
    createReader: clients.reader,
    write: writeSoon,
    later,
    report,
  });
  const expiry =
    settings.topology === 'declare'
      ? createExpiry({
          names,
          topics,
          offsets,
          declare: () => declareTopic(topology.usage),
          createReader: clients.reader,
          write: writeSoon,
          report,
          trouble,
        })
      : undefined;
  const inForce = createInForce({
    names,
    topology,
    topics,
    offsets,
    renaming,
    deadLetters,
    write: writeSoon,
    isChecked: settings.topology === 'check',
    from,
    report,
  });

  const publish: Connection['publish'] = async ({ name, body, key, headers }, { signal }) => {
    if (closed.signal.aborted) throw closedError();
    const plan = topology.events(name);
    plans.set(plan.topic, plan);
    await produce(
      {
        topic: plan.topic,
        value: toBuffer(body),
        headers: { ...headers, ...CONTENT_TYPE },
        ...(key !== undefined && { key: Buffer.from(key) }),
      },
      signal,
    );
    return {};
  };

  const plansOf = (spec: ConsumerSpec): TopicPlan[] => [
    ...spec.names.map(topology.events),
    topology.dead,
    topology.retry(spec),
  ];
  /** All that an operator has forgotten, and not the first alone. */
  const checkTopics = async (specs: readonly ConsumerSpec[]): Promise<void> => {
    const wanted = new Set(specs.flatMap(plansOf).map(({ topic }) => topic));
    const found = await Promise.all([...wanted].map(async (topic) => ((await topics.exists(topic)) ? [] : [topic])));
    const missing = found.flat().map((topic) => `topic ${topic}`);
    if (missing.length > 0)
      throw new Error(`Missing at Kafka: ${missing.join(', ')}. bus.plan() says how each has to be`);
  };
  const declareOne = async (spec: ConsumerSpec): Promise<InForce> => {
    for (const plan of plansOf(spec)) plans.set(plan.topic, plan);
    await expiry?.use(spec);
    const found = await inForce.declare(spec);
    declared.set(spec.consumer, found);
    return found;
  };
  const declare: Connection['declare'] = async (specs) => {
    if (settings.topology === 'check') await checkTopics(specs);
    const results = await Promise.allSettled(specs.map(declareOne));
    expiry?.start();
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  };

  const findCoordinator = async (group: string): Promise<number | undefined> => {
    const [found] = await admin.client.findCoordinator({ keyType: 0, keys: [group] });
    return found?.nodeId;
  };
  const startOne = async (
    spec: ConsumerSpec,
    deliver: Parameters<Connection['consume']>[1],
    { starts, others }: InForce,
  ): Promise<Receiver> => {
    const group = names.group(spec.consumer);
    const carryOut = createCarryOut({ names, consumer: spec.consumer, produce: produceSafely, report });
    const receiver = startReceiver({
      spec,
      deliver,
      group,
      eventTopics: spec.names.map(names.eventTopic),
      retryTopic: names.retryTopic(spec.consumer),
      starts,
      clients,
      offsets,
      findCoordinator: () => findCoordinator(group),
      instanceId: `${instanceId}.${spec.consumer}.${joins++}`,
      sessionTimeoutMs,
      commitIntervalMs,
      maxUncommitted,
      metadataMs,
      carryOut: (job, outcome) => {
        const work = carryOut(job, outcome);
        carrying.add(work);
        void work.catch(() => {}).finally(() => carrying.delete(work));
        return work;
      },
      // An old process may have held on to topics that are given up.
      joined: () => offsets.forget(group, others),
      silent: admin.cut,
      left: () => receivers.delete(receiver),
      remake,
      report,
    });
    receivers.add(receiver);
    await receiver.joined;
    return receiver;
  };

  /** Starts once no process runs the former name any more: until then, that one has the events. */
  const startLater = (spec: ConsumerSpec, deliver: Parameters<Connection['consume']>[1]): Receiving => {
    const stopped = new AbortController();
    let started: Receiver | undefined;
    const start = async (): Promise<void> => {
      while (!stopped.signal.aborted && !closing.signal.aborted) {
        try {
          const found = await declareOne(spec);
          if (stopped.signal.aborted || closing.signal.aborted) return;
          if (!found.isPending) {
            started = await startOne(spec, deliver, found);
            if (stopped.signal.aborted) await started.stop();
            return;
          }
        } catch (error) {
          trouble(error);
        }
        await sleep(TAKE_OVER_MS, AbortSignal.any([stopped.signal, closing.signal]));
      }
    };
    void start();
    return {
      stop: async () => {
        stopped.abort();
        await started?.stop();
      },
    };
  };

  const consume: Connection['consume'] = async (spec, deliver) => {
    if (closing.signal.aborted) throw closedError();
    const found = declared.get(spec.consumer) ?? (await declareOne(spec));
    return found.isPending ? startLater(spec, deliver) : startOne(spec, deliver, found);
  };

  const tailParts = { offsets, trouble, metadataMs };
  const keepTail = (receiving: Receiving): Receiving => {
    const own: Receiving = {
      stop: async () => {
        tails.delete(own);
        await receiving.stop();
      },
    };
    tails.add(own);
    return own;
  };
  const tail: NonNullable<Connection['tail']> = async (events, tell) => {
    if (closing.signal.aborted) throw closedError();
    for (const event of events) await declareTopic(topology.events(event));
    return keepTail(
      await startTail({
        ...tailParts,
        topics: events.map(names.eventTopic),
        tell,
        reader: clients.reader(),
        remake: async (topic) => {
          await remake(topic);
          return true;
        },
      }),
    );
  };
  const listTopics = () => admin.client.listTopics();
  /** Makes no topic. */
  const tailWide: OperatorTools['tail'] = async (wanted, tell) => {
    if (closing.signal.aborted) throw closedError();
    const isWanted = typeof wanted === 'function' ? wanted : (event: string) => wanted.includes(event);
    return keepTail(await startWideTail({ ...tailParts, names, isWanted, listTopics, tell, reader: clients.reader() }));
  };

  /** Where an operator makes the topics, no process notes that it runs a consumer. */
  const removeUnnoted = async (consumer: string): Promise<boolean> => {
    if (!(await offsets.remove(names.group(consumer)))) return false;
    await writeSoon(forgetConsumer(names.deadTopic, consumer));
    return topics.remove(names.retryTopic(consumer));
  };
  const operator = createOperator({
    names,
    offsets,
    listTopics,
    lastUses: expiry?.lastUses ?? (async () => new Map()),
    removeUnused: expiry?.removeNow ?? removeUnnoted,
    exists: topics.exists,
    compare: createCompare({
      admin: admin.client,
      names,
      offsets,
      listTopics,
      plansOf: (specs) => planTopics(topology, specs, sends),
    }),
    tail: tailWide,
  });

  const close = async (): Promise<void> => {
    if (closing.signal.aborted) return;
    closing.abort();
    expiry?.close();
    // The last outcomes are being carried out when it is called.
    await sleep(0);
    await Promise.all([...receivers].map(({ stop }) => stop()));
    await within<unknown>(CARRY_OUT_MS, Promise.allSettled(carrying), () => {});
    await Promise.all([...[...receivers].map(({ leave }) => leave()), ...[...tails].map(({ stop }) => stop())]);
    closed.abort(closedError());
    await Promise.all([producer.close(), admin.close(), deadLetters.close()]);
    sockets.close();
  };

  return {
    features: { ...FEATURES, expiresConsumers: expiry !== undefined },
    refuseName: names.refuseName,
    refuseConsumer: names.refuseConsumer,
    publish,
    declare,
    consume,
    tail,
    deadLetters,
    operator,
    plan: (consumers) => planLines(names, topology, consumers, sends),
    health: sockets.health,
    close,
  };
};
