import { check, type KnownOptions, readOptions } from '../shared/check.ts';
import { within } from '../shared/time-limit.ts';
import type { Connection, ConnectionContext, ConsumerSpec, Transport } from '../transport/index.ts';
import {
  isBehindStatement,
  lastEventStatement,
  NEVER_MS,
  outboxStatement,
  outboxValues,
  RELAY,
} from './outbox-statement.ts';
import { readStoreOptions, STORE_OPTIONS, type StoreOptions } from './postgres.ts';
import { createPublisher } from './publisher.ts';
import { createRelay } from './relay.ts';
import { openStore, type Settings } from './store.ts';
import { tables } from './tables.ts';
import { insertVeto } from './veto.ts';
import { untilNextLook, whenIdle } from './when-idle.ts';

/** How a bus puts Postgres before another transport. */
export interface OutboxOptions<Session> extends StoreOptions<Session> {
  /** Carries the events to their consumers, once their transactions have committed. */
  readonly transport: Transport<never>;
  /** How many events are given to the transport at once. @default 500 */
  readonly window?: number | undefined;
  /** Whether this process gives events to the transport. With `false`, another process of the service must. @default true */
  readonly relay?: boolean | undefined;
}

interface OutboxSettings<Session> extends Settings<Session> {
  readonly transport: Transport<never>;
  readonly window: number;
  readonly relay: boolean;
}

const KNOWN_OPTIONS: KnownOptions = {
  ...STORE_OPTIONS,
  transport: ['connect'],
  window: 'positive integer',
  relay: 'boolean',
};

/** How long a publish in a transaction waits for the first start. The start may wait for that transaction. */
const START_MS = 2_000;

/** How long a close goes on to give events to the transport, and then waits for those that it has been given. */
const DRAIN_MS = 2_000;
const LAST_MS = 1_000;

/** How long a new consumer waits for what was published before it. */
const CATCH_UP_MS = 1_000;

const ignore = () => {};

const specOf = (window: number): ConsumerSpec => ({
  consumer: RELAY,
  names: [],
  order: 'key',
  concurrency: window,
  timeoutMs: 1,
  retryDelaysMs: [],
  expiresAfterMs: NEVER_MS,
  formerly: undefined,
});

const connect = <Session>(settings: OutboxSettings<Session>, context: ConnectionContext): Connection => {
  const { database, schema, transport, window, relay: isRelay } = settings;
  const { namespace, service, report } = context;
  const owner = { namespace, service };
  const inner = transport.connect(context);
  const store = openStore(settings, context);
  const { names, query, receiving } = store;
  const spec = specOf(window);
  const relay = createRelay(inner, context);
  let started: Promise<void> | undefined;
  let isClosed = false;

  const startOnce = async (): Promise<void> => {
    await store.register(owner, [spec]);
    if (isRelay && !isClosed) receiving.receive(spec, () => store.registrationOf(owner, RELAY), relay.deliver);
  };
  /** Tried again by the next publish if it fails. */
  const start = (): Promise<void> => {
    started ??= startOnce().catch((error) => {
      started = undefined;
      throw error;
    });
    return started;
  };
  const startLater = (): void => {
    start().catch((error) => {
      report('warn', 'event_transport_trouble', { error });
      if (!isClosed) setTimeout(startLater, 1_000).unref?.();
    });
  };
  startLater();

  const publish = createPublisher<Session>({
    store: {
      ...store,
      query: async (text, values) => {
        await start();
        return query(text, values);
      },
      settled: () => within(START_MS, start(), ignore),
    },
    database,
    statement: outboxStatement(names),
    valuesOf: (messages) => outboxValues(owner, messages),
  });
  const drained = async (): Promise<void> => {
    await start();
    await whenIdle(store, owner, () => isClosed);
  };
  const idle = async (): Promise<void> => {
    await drained();
    await inner.idle?.();
  };
  /**
   * A consumer or a tail that is new would get what was published before, but is not given to the transport yet. An outbox
   * that is far behind is not waited for.
   */
  const catchUp = async (): Promise<void> => {
    const [row] = await query(lastEventStatement(names), []);
    const until = performance.now() + CATCH_UP_MS;
    const isBehind = async () =>
      (await query(isBehindStatement(names), [namespace, row?.last ?? '0']))[0]?.behind === 'true';
    while (performance.now() < until && (await isBehind())) await untilNextLook();
  };
  const { tail: innerTail } = inner;
  const close = async (): Promise<void> => {
    if (isClosed) return;
    if (isRelay) await within(DRAIN_MS, drained().catch(ignore), ignore);
    isClosed = true;
    receiving.stop();
    await within(LAST_MS, relay.idle(), ignore);
    await store.close();
    await inner.close();
  };
  const health = () => {
    const [own, theirs] = [store.health(), inner.health()];
    const shown = own.connected ? theirs : own;
    return { ...shown, reconnects: (own.reconnects ?? 0) + (theirs.reconnects ?? 0) };
  };

  return {
    ...inner,
    features: { ...inner.features, enlists: true, tellsUnrouted: false },
    refuseName: (name) => (name.includes('\0') ? 'expected a name without the character 0' : inner.refuseName?.(name)),
    refuseSession: database.refuseSession,
    publish: async (message, publishing) => {
      const { unrouted } = await publish(message, publishing);
      // The relay is the only consumer of this table.
      if (unrouted)
        throw Object.assign(new Error('The outbox is not ready: await ready() first'), { outcome: 'not-sent' });
      return {};
    },
    veto: (session, reason) => insertVeto(database, names, session as Session, reason),
    declare: async (consumers) => {
      await catchUp();
      await inner.declare(consumers);
    },
    tail:
      innerTail &&
      (async (...parts) => {
        await catchUp();
        return innerTail(...parts);
      }),
    plan: (consumers) => [...tables({ schema }).split('\n').filter(Boolean), ...(inner.plan?.(consumers) ?? [])],
    health,
    idle,
    close,
  };
};

/**
 * Puts Postgres before another transport. A publish stores the event: with a session, in its transaction. A relay gives it to
 * the transport as soon as that takes it, and in the order of its key.
 * @throws TypeError for a bad or missing option
 * @example
 * const transport = outbox({ database: fromPg(pool), transport: rabbitmq({ url }) });
 * const bus = createServiceBus<AppEvents, PoolClient>({ service: 'shop', transport, sends: 'all' });
 */
export const outbox = <Session>(options: OutboxOptions<Session>): Transport<Session> => {
  const what = 'outbox options';
  readOptions(what, options, KNOWN_OPTIONS);
  check(`${what}.transport`, options.transport, ['connect']);
  const { transport, window = 500, relay = true } = options;
  const settings = { ...readStoreOptions(what, options), transport, window, relay };
  return { connect: (context) => connect(settings, context) };
};
