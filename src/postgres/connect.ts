import { MAX_DELAY_MS } from '../shared/max-delay.ts';
import type { Connection, ConnectionContext, TransportFeatures } from '../transport/index.ts';
import { createLetters } from './letters.ts';
import { createOperator } from './operator.ts';
import { publishOneStatement, publishOneValues, publishStatement, publishValues } from './publish-statement.ts';
import { createPublisher } from './publisher.ts';
import { openStore, type Settings } from './store.ts';
import { tables } from './tables.ts';
import { createTails } from './tails.ts';
import { insertVeto } from './veto.ts';
import { whenIdle } from './when-idle.ts';

const FEATURES: TransportFeatures = {
  durable: true,
  enlists: true,
  ordersByKey: true,
  ordersAcrossNames: true,
  tails: true,
  keepsDeadLetters: true,
  tellsUnrouted: true,
  countsDeliveries: true,
  keepsAttemptsByKey: true,
  expiresConsumers: true,
  servesOperators: true,
  maxDelayMs: MAX_DELAY_MS,
  maxBytes: undefined,
};

/** A connection of a service to a database that is its transport. */
export const connect = <Session>(settings: Settings<Session>, context: ConnectionContext): Connection => {
  const { database, schema } = settings;
  const { namespace, service } = context;
  const owner = { namespace, service };
  const store = openStore(settings, context);
  const { names, query, receiving } = store;
  const tails = createTails(store, namespace, settings.pollMs, context.report);

  const publish = createPublisher<Session>({
    store,
    database,
    statement: publishStatement(names),
    valuesOf: (messages) => publishValues(namespace, messages),
    one: { statement: publishOneStatement(names), valuesOf: (message) => publishOneValues(namespace, message) },
  });
  const declare: Connection['declare'] = (specs) => store.register(owner, specs);
  const consume: Connection['consume'] = async (spec, deliver) => {
    if (!store.registrationOf(owner, spec.consumer)) await declare([spec]);
    return receiving.receive(spec, () => store.registrationOf(owner, spec.consumer), deliver);
  };
  const letters = createLetters(names, owner, query);
  const redrive = async (refs: readonly string[]): Promise<number> => {
    const count = await letters.redrive(refs);
    store.hints.published(true);
    return count;
  };

  const operator = createOperator({
    names,
    owner,
    query,
    tail: tails.start,
    trouble: (error) => context.report('warn', 'event_transport_trouble', { error }),
  });

  const close = async (): Promise<void> => {
    await tails.stop();
    await store.close();
  };
  return {
    features: FEATURES,
    refuseName: (name) => (name.includes('\0') ? 'expected a name without the character 0' : undefined),
    refuseSession: database.refuseSession,
    publish,
    veto: (session, reason) => insertVeto(database, names, session as Session, reason),
    declare,
    consume,
    tail: tails.start,
    deadLetters: { ...letters, redrive },
    operator,
    plan: () => tables({ schema }).split('\n').filter(Boolean),
    health: store.health,
    idle: () => whenIdle(store, owner, store.isClosed),
    close,
  };
};
