import { Buffer } from 'node:buffer';
import type { Channel, ConnectionOptions, Envelope } from 'rabbitmq-client';
import { jittered } from '../shared/jittered.ts';
import { within } from '../shared/time-limit.ts';
import type {
  Connection,
  ConnectionContext,
  ConsumerSpec,
  Deliver,
  Message,
  PublishContext,
  TransportFeatures,
} from '../transport/index.ts';
import { createDeclarer } from './declare-queue.ts';
import { createDirectory } from './directory.ts';
import { drainFormer } from './former.ts';
import { type Kept, keepOpen, type Piece } from './keep-open.ts';
import { closeChannel, createLink, pause } from './link.ts';
import { createLook } from './look.ts';
import { CONTENT_TYPE, foreignHeaders, HEADERS } from './message.ts';
import { createNames, refuseConsumer, refuseName } from './names.ts';
import { createOperator } from './operator.ts';
import { createOutcomes } from './outcomes.ts';
import { createRecords } from './record.ts';
import { createRegistry, type Renamed } from './registry.ts';
import { createSender, notSent } from './sender.ts';
import { CLOSE_SESSION_MS, openSession } from './session.ts';
import { createStore } from './store.ts';
import { ALL, startTail } from './tail.ts';
import { createTopology, MAX_DELAY_MS, planLines } from './topology.ts';

export interface ConnectSettings {
  readonly connection: ConnectionOptions;
  readonly isChecked: boolean;
}

const FEATURES: TransportFeatures = {
  durable: true,
  enlists: false,
  ordersByKey: true,
  ordersAcrossNames: true,
  tails: true,
  keepsDeadLetters: true,
  tellsUnrouted: true,
  countsDeliveries: true,
  keepsAttemptsByKey: false,
  expiresConsumers: true,
  servesOperators: true,
  maxDelayMs: MAX_DELAY_MS,
  maxBytes: 16_000_000,
};

const CLOSE_MS = 1_000;
/** What a session gives itself, and a second for what the broker answers. */
const CLOSE_CONSUMERS_MS = CLOSE_SESSION_MS + 1_000;
/** What fits into one frame, with room for what a dead letter adds. */
const MAX_HEADER_BYTES = 65_536;
/** RabbitMQ closes a channel whose delivery is open for longer than this, unless an operator has changed it. */
const CONSUMER_TIMEOUT_MS = 1_800_000;
/** How often the retry queues of a consumer are used, so that they do not expire. They live for a day at least. */
const RENEW_MS = 6 * 3_600_000;
/** How long a start waits until its consumers are noted for operators, and when that is tried again. */
const NOTE_MS = 5_000;
const NOTE_AGAIN_MS = 60_000;
const START_AGAIN_MS = 1_000;

const headersOf = ({ key, headers }: Message): Record<string, string> => {
  const kept = foreignHeaders(headers);
  return key === undefined ? kept : { ...kept, [HEADERS.key]: key };
};

const ignore = (): undefined => {};

const sizeOf = (headers: Record<string, string>): number => {
  let size = 0;
  for (const name of Object.keys(headers)) size += name.length + Buffer.byteLength(headers[name] ?? '');
  return size;
};

export const connect = ({ connection, isChecked }: ConnectSettings, context: ConnectionContext): Connection => {
  const { service, namespace, report } = context;
  const options = { connectionName: `mapbus ${service}`, ...connection };
  // A broker that is short of memory stops each connection that publishes, with all that goes over it. So what consumers
  // read and acknowledge has its own, and so have the records of consumers, which are seldom written.
  const publishing = createLink(options, 'publish', report);
  const consuming = createLink(options, 'consume', report);
  const recording = createLink(options, 'record', report);
  const names = createNames(namespace, service);
  const topology = createTopology(names);
  const declarer = createDeclarer(consuming, report);
  const records = createRecords(recording, names.record, topology, declarer);
  let isClosed = false;
  const parts = { link: consuming, names, topology, declarer, records, isChecked, isClosed: () => isClosed, report };
  const registry = createRegistry(parts);
  const directory = createDirectory({ ...parts, link: publishing });

  const prepareEvents = async (channel: Channel) => {
    if (isChecked) await channel.exchangeDeclare({ exchange: names.exchange, passive: true });
    else await registry.declareExchange(channel);
  };
  const events = createSender(publishing, prepareEvents, context);
  const own = createSender(publishing, async () => {}, context);
  const outcomes = createOutcomes({ ...parts, sender: own });
  const look = createLook({ link: consuming, names, sender: own, isChecked, report });
  /** The present names of consumers of this process, by their former ones. With `topology: 'check'` there are no records. */
  const namesHere = new Map<string, string>();
  const renamed = async (former: string): Promise<Renamed | undefined> => {
    const consumer = isChecked ? namesHere.get(former) : undefined;
    return consumer === undefined ? registry.renamed(former) : { consumer, isFree: false };
  };
  const deadLetters = createStore({ names, look, sender: own, renamed });
  publishing.start();

  const running = new Set<Kept>();
  const timers = new Set<ReturnType<typeof setInterval>>();
  /** Consumers that are to be noted. */
  const unnoted = new Map<string, ConsumerSpec>();
  let noteTimer: ReturnType<typeof setTimeout> | undefined;

  const publish = async (message: Message, { signal }: PublishContext) => {
    if (isClosed) throw notSent('The connection is closed');
    const headers = headersOf(message);
    const size = sizeOf(headers);
    if (size > MAX_HEADER_BYTES)
      throw notSent(`The key and the headers have ${size} bytes, and RabbitMQ takes ${MAX_HEADER_BYTES}`);
    const envelope: Envelope = {
      exchange: names.exchange,
      routingKey: message.name,
      durable: true,
      mandatory: true,
      messageId: message.id,
      contentType: CONTENT_TYPE,
      headers,
    };
    return { unrouted: await events.send(envelope, Buffer.from(message.body), signal) };
  };

  const failed = (consumer: string) => (error: unknown) =>
    report('error', 'event_transport_trouble', { consumer, error });

  /** Notes for operators which consumers there are. No consumer waits for it while the broker takes no publishes. */
  const note = async (consumers: readonly ConsumerSpec[]): Promise<void> => {
    for (const spec of consumers) unnoted.set(spec.consumer, spec);
    const due = [...unnoted.values()];
    try {
      if (publishing.isBlocked()) throw new Error('RabbitMQ takes no publishes now');
      await directory.note(due);
      for (const spec of due) if (unnoted.get(spec.consumer) === spec) unnoted.delete(spec.consumer);
    } catch (error) {
      if (isClosed) return;
      report('warn', 'event_transport_trouble', { error });
      noteTimer ??= setTimeout(() => {
        noteTimer = undefined;
        void note([]);
      }, NOTE_AGAIN_MS).unref();
    }
  };

  const warnOfTimeouts = ({ consumer, timeoutMs, order, retryDelaysMs }: ConsumerSpec) => {
    const delaysMs = retryDelaysMs.reduce((sum, delayMs) => sum + delayMs, 0);
    // With an order, a delivery stays open from the first attempt to the last one.
    const openMs = order === 'key' ? delaysMs + timeoutMs * (retryDelaysMs.length + 1) : timeoutMs;
    if (openMs < CONSUMER_TIMEOUT_MS) return;
    report('warn', 'event_consumer_timeout_long', { consumer, openMs, consumerTimeoutMs: CONSUMER_TIMEOUT_MS });
  };
  const declareAll = async (consumers: readonly ConsumerSpec[]): Promise<void> => {
    registry.add(consumers);
    for (const spec of consumers) {
      await registry.declare(spec);
      for (const former of await registry.formerNames(spec)) await registry.retire(spec, former);
    }
  };
  const declare = async (consumers: readonly ConsumerSpec[]): Promise<void> => {
    consumers.forEach(warnOfTimeouts);
    for (const { consumer, formerly } of consumers) if (formerly !== undefined) namesHere.set(formerly, consumer);
    if (isChecked) await registry.check(consumers);
    else await declareAll(consumers);
    await within(NOTE_MS, note(consumers), ignore);
  };

  const keep = (kept: Kept): Kept => {
    running.add(kept);
    void kept.ended.then(() => running.delete(kept));
    return kept;
  };
  const openInTime = async (sessionParts: Parameters<typeof openSession>[0]): Promise<Piece> => {
    const opening = openSession(sessionParts);
    try {
      return await consuming.inTime(opening, () => void closeChannel(sessionParts.channel));
    } catch (error) {
      // Another one is opened in its place.
      void opening.then((late) => late.close(), ignore);
      throw error;
    }
  };

  /** @param isDeclared whether the bus has just declared it */
  const startMain = (given: ConsumerSpec, deliver: Deliver, isDeclared: boolean): Promise<Kept> => {
    let isThere = isDeclared;
    const open = async () => {
      // After a cut, the queue may be gone, or the consumer have another name.
      const spec = isChecked ? given : isThere ? await registry.present(given) : await registry.declare(given);
      isThere = false;
      const channel = await consuming.channel();
      return openInTime({
        channel,
        queue: names.queue(spec.consumer),
        present: isChecked ? undefined : registry.presentQueue(spec),
        isKept: spec.order === 'key',
        spec,
        deliver,
        outcomes,
        report,
      });
    };
    return keepOpen(open, failed(given.consumer)).then(keep);
  };
  const startFormer = (spec: ConsumerSpec, former: string, deliver: Deliver): Promise<Kept> => {
    const queue = names.queue(former);
    const open = async () => {
      if (!(await declarer.look(queue))) return undefined;
      const channel = await consuming.channel();
      return openInTime({ channel, queue, present: undefined, isKept: true, spec, deliver, outcomes, report });
    };
    return keepOpen(open, failed(former)).then(keep);
  };

  const renew = (spec: ConsumerSpec) => {
    const renewOne = async () => {
      if (!isChecked) await registry.touch(await registry.declare(spec));
      await note([spec]);
    };
    const timer = setInterval(() => void renewOne().catch(failed(spec.consumer)), RENEW_MS).unref();
    timers.add(timer);
    return () => {
      clearInterval(timer);
      timers.delete(timer);
    };
  };

  const consume = async (spec: ConsumerSpec, deliver: Deliver) => {
    const started: Kept[] = [];
    let isStopped = false;
    const isOver = () => isStopped || isClosed;
    const start = async (kept: Promise<Kept>) => {
      const one = await kept;
      started.push(one);
      if (isOver()) await one.stop();
      return one;
    };
    const drain = (former: string) =>
      drainFormer({ ...parts, registry, isOver, start: () => start(startFormer(spec, former, deliver)) }, spec, former);
    const formerNames = isChecked ? [spec.formerly ?? []].flat() : await registry.formerNames(spec);
    const drainAll = async () => {
      if (spec.order !== 'key') await Promise.all(formerNames.map(drain));
      // What waits for the first name comes first.
      else for (const former of [...formerNames].reverse()) await drain(former);
    };
    const stopStarted = async () => {
      isStopped = true;
      await Promise.all(started.map((one) => one.stop()));
    };
    const drained = formerNames.length > 0 ? drainAll() : undefined;
    const startDrained = async () => {
      await drained;
      // The drain may have taken long.
      for (let isFirst = true; !isOver(); isFirst = false) {
        try {
          await start(startMain(spec, deliver, false));
          return;
        } catch (error) {
          if (isFirst && !isOver()) failed(spec.consumer)(error);
          await pause(jittered(START_AGAIN_MS));
        }
      }
    };
    // With an order, what waits for the former name comes first.
    if (drained && spec.order === 'key' && !isChecked) void startDrained();
    else
      try {
        await start(startMain(spec, deliver, true));
      } catch (error) {
        // The bus begins again from the start.
        await stopStarted();
        throw error;
      }
    const endRenewal = renew(spec);
    const stop = async () => {
      endRenewal();
      await stopStarted();
    };
    return { stop };
  };

  const declareExchange = isChecked ? undefined : registry.declareExchange;
  const tailParts = { link: consuming, names, declareExchange, report };
  const tail: Connection['tail'] = async (eventNames, tell) => keep(await startTail(tailParts, eventNames, tell));
  const operator = createOperator({
    ...parts,
    directory,
    tail: async (wanted, tell) => {
      // An operator's tail makes no exchange.
      const own = { ...tailParts, declareExchange: undefined };
      if (typeof wanted !== 'function') return keep(await startTail(own, wanted, tell));
      return keep(await startTail(own, [ALL], (body, eventName) => wanted(eventName) && tell(body)));
    },
  });

  const health = () => {
    const links = [publishing.health(), consuming.health()].flatMap((known) => known ?? []);
    return {
      connected: links.every(({ connected }) => connected),
      since: new Date(Math.max(...links.map(({ since }) => since.getTime()))),
      reconnects: links.reduce((sum, { reconnects }) => sum + reconnects, 0),
    };
  };

  const close = async (): Promise<void> => {
    if (isClosed) return;
    isClosed = true;
    for (const timer of timers) clearInterval(timer);
    clearTimeout(noteTimer);
    await within(CLOSE_CONSUMERS_MS, Promise.all([...running].map((one) => one.close())), ignore);
    await within(CLOSE_MS, Promise.all([events.close(), own.close()]), ignore);
    await Promise.all([publishing.close(), consuming.close(), recording.close()]);
  };

  return {
    features: FEATURES,
    refuseName,
    refuseConsumer: refuseConsumer(names),
    publish,
    declare,
    consume,
    tail,
    deadLetters,
    operator,
    plan: (consumers) => planLines(names, topology, consumers),
    health,
    close,
  };
};
