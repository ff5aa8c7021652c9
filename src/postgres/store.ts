import { within } from '../shared/time-limit.ts';
import type { ConnectionContext, ConsumerSpec, TransportHealth } from '../transport/index.ts';
import { createCleaning } from './cleaning.ts';
import { type Database, isAnswer, type Row, type Value } from './database.ts';
import { createHints, type Hints } from './hints.ts';
import type { Registration } from './receiver.ts';
import { createReceiving, type ReceivingLoop } from './receiving.ts';
import { declareConsumers, type Owner } from './registrations.ts';
import { ensureTables, type Tables, tablesOf } from './tables.ts';
import { startUpkeep } from './upkeep.ts';

/** How a transport uses its database. */
export interface Settings<Session> {
  readonly database: Database<Session>;
  readonly schema: string;
  readonly createTables: boolean;
  readonly leaseMs: number;
  readonly pollMs: number;
}

/** A consumer that this process runs, and what it is in the tables. */
interface Registered {
  readonly owner: Owner;
  readonly spec: ConsumerSpec;
  readonly registration: Registration;
}

/** What a transport needs of its database. */
export interface Store {
  readonly names: Tables;
  /** Runs a statement on its own, once the tables are there. */
  readonly query: (text: string, values: readonly Value[]) => Promise<readonly Row[]>;
  readonly hints: Hints;
  readonly receiving: ReceivingLoop;
  /** Waits a little for the tables, when the transport has just been connected. */
  readonly settled: () => Promise<void>;
  readonly register: (owner: Owner, specs: readonly ConsumerSpec[]) => Promise<void>;
  readonly forget: (owner: Owner, consumer: string) => void;
  readonly registrationOf: (owner: Owner, consumer: string) => Registration | undefined;
  /** The rows of the consumers of an owner. */
  readonly consumersOf: (owner: Owner) => string[];
  readonly isClosed: () => boolean;
  readonly health: () => TransportHealth;
  readonly close: () => Promise<void>;
}

/** How long a publish in a transaction waits for the tables. They may wait for that transaction. */
const SETTLE_MS = 2_000;

const keyOf = ({ namespace, service }: Owner, consumer: string) => JSON.stringify([namespace, service, consumer]);

export const openStore = <Session>(settings: Settings<Session>, context: ConnectionContext): Store => {
  const { database, schema, createTables, leaseMs, pollMs } = settings;
  const { report } = context;
  const names = tablesOf(schema);
  const registered = new Map<string, Registered>();
  let health = { connected: true, since: new Date(), reconnects: 0 };
  let isClosed = false;
  let prepared: Promise<void> | undefined;

  const setConnected = (connected: boolean): void => {
    if (health.connected === connected) return;
    health = { connected, since: new Date(), reconnects: health.reconnects + (connected ? 1 : 0) };
  };
  const watched = async <Result>(run: () => Promise<Result>): Promise<Result> => {
    try {
      const result = await run();
      if (!isClosed) setConnected(true);
      return result;
    } catch (error) {
      if (!isClosed) setConnected(isAnswer(error));
      throw error;
    }
  };
  /** Tried again by the next statement if it fails. */
  const prepare = (): Promise<void> => {
    prepared ??= watched(() => ensureTables(database, schema, createTables)).catch((error) => {
      prepared = undefined;
      throw error;
    });
    return prepared;
  };
  const query: Store['query'] = async (text, values) => {
    await prepare();
    return watched(() => database.query(text, values));
  };
  const hints = createHints({ database, channel: schema, report });
  const receiving = createReceiving({ tables: names, query, hints, report, leaseMs, pollMs });

  const register: Store['register'] = async (owner, specs) => {
    await prepare();
    const found = await watched(() => declareConsumers(database, names, owner, specs));
    for (const spec of specs) {
      const registration = found.get(spec.consumer);
      if (registration) registered.set(keyOf(owner, spec.consumer), { owner, spec, registration });
    }
    upkeep.adapt();
  };
  const upkeep = startUpkeep({
    names,
    query,
    registered: () => [...registered.values()],
    register,
    clean: createCleaning(names, query, report),
    report,
  });
  // Before a user can begin a transaction: some databases have one connection.
  prepare().catch((error) => report('warn', 'event_transport_trouble', { error }));

  const close: Store['close'] = async () => {
    if (isClosed) return;
    await receiving.close();
    isClosed = true;
    upkeep.stop();
    await hints.close();
    health = { ...health, connected: false, since: new Date() };
  };
  return {
    names,
    query,
    hints,
    receiving,
    settled: () => within(SETTLE_MS, prepare(), () => {}),
    register,
    forget: (owner, consumer) => registered.delete(keyOf(owner, consumer)),
    registrationOf: (owner, consumer) => registered.get(keyOf(owner, consumer))?.registration,
    consumersOf: ({ service }) =>
      [...registered.values()].flatMap(({ owner, registration }) =>
        owner.service === service ? [registration.consumer] : [],
      ),
    isClosed: () => isClosed,
    health: () => health,
    close,
  };
};
