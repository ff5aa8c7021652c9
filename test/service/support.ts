import type { Logger } from 'mapbus';
import { createServiceBus, memory, type ServiceBusOptions } from 'mapbus/service';
import type {
  Connection,
  ConnectionContext,
  ConsumerSpec,
  Deliver,
  Delivery,
  Message,
  Outcome,
  Transport,
  TransportFeatures,
} from 'mapbus/transport';
import { onTestFinished } from 'vitest';

export interface Events {
  'order.placed': { orderId: string; at?: Date };
  'order.paid': { orderId: string };
  ticked: void;
}

interface Line {
  readonly level: keyof Logger;
  readonly message: string;
  readonly fields: Record<string, unknown>;
}

/** A logger that keeps its lines. */
export const createRecordingLogger = () => {
  const lines: Line[] = [];
  const write = (level: keyof Logger) => (message: string, fields: Record<string, unknown>) => {
    lines.push({ level, message, fields });
  };
  const logger: Logger = { debug: write('debug'), warn: write('warn'), error: write('error') };
  return { logger, lines, logged: (message: string) => lines.filter((line) => line.message === message) };
};

type ShopOptions = Partial<ServiceBusOptions<Events, object>>;

/** A service bus whose log is kept. It retries fast, and is closed after the test. */
export const createShop = (options: ShopOptions = {}) => {
  const { logger, lines, logged } = createRecordingLogger();
  const bus = createServiceBus<Events, object>({
    service: 'shop',
    transport: memory(),
    sends: 'all',
    logger,
    logPublish: () => false,
    consumers: { retryDelayMs: 1 },
    ...options,
  });
  onTestFinished(() => bus.close({ drainTimeoutMs: 0 }));
  /** The ids of the events that memory has given up. */
  const lost = () => logged('event_lost').flatMap(({ fields }) => fields.eventIds as string[]);
  return { ...bus, bus, lines, logged, lost };
};

export type Shop = ReturnType<typeof createShop>;

export const FEATURES: TransportFeatures = {
  durable: true,
  enlists: false,
  ordersByKey: true,
  ordersAcrossNames: true,
  tails: true,
  keepsDeadLetters: false,
  tellsUnrouted: false,
  countsDeliveries: true,
  keepsAttemptsByKey: true,
  expiresConsumers: true,
  servesOperators: false,
  maxDelayMs: 2 ** 31 - 1,
  maxBytes: undefined,
};

const doNothing = async () => {};

/** A transport that does nothing by itself: the test hands out the deliveries. */
export const createFakeTransport = (parts: Partial<Connection> = {}) => {
  const published: Message[] = [];
  const consumers = new Map<string, { readonly spec: ConsumerSpec; readonly deliver: Deliver }>();
  let context: ConnectionContext | undefined;
  const connection: Connection = {
    features: FEATURES,
    publish: async (message) => {
      published.push(message);
      return {};
    },
    declare: doNothing,
    consume: async (spec, deliver) => {
      consumers.set(spec.consumer, { spec, deliver });
      return { stop: doNothing };
    },
    tail: async () => ({ stop: doNothing }),
    health: () => ({ connected: true, since: new Date(0) }),
    close: doNothing,
    ...parts,
  };
  const transport: Transport = {
    connect: (given) => {
      context = given;
      return connection;
    },
  };
  /** Delivers to a consumer, or to the only one. */
  const deliver = (delivery: Delivery, consumer?: string): Promise<Outcome> => {
    const found = consumer === undefined ? [...consumers.values()].at(-1) : consumers.get(consumer);
    if (!found) throw new Error('No consumer was started');
    return found.deliver(delivery);
  };
  const specOf = (consumer: string) => consumers.get(consumer)?.spec;
  return { transport, deliver, published, specOf, context: () => context };
};

/** A CloudEvent with these attributes. Those that are `undefined` are left out. */
export const cloudEvent = (attributes: Readonly<Record<string, unknown>> = {}): string =>
  JSON.stringify({
    specversion: '1.0',
    id: 'event-1',
    source: '/elsewhere',
    type: 'order.placed',
    data: { orderId: '1' },
    ...attributes,
  });

/** A first delivery of an event. */
export const createDelivery = (fields: Partial<Delivery> = {}): Delivery => ({
  body: cloudEvent(),
  headers: {},
  key: undefined,
  attempt: 1,
  deliveries: 1,
  signal: new AbortController().signal,
  ...fields,
});

/** A handler that fails each time. */
export const fail = (): never => {
  throw new Error('no');
};

/** A handler that never ends. */
export const hang = () => new Promise<never>(() => {});

/** Keeps the promises that nobody has handled, until the test has finished. */
export const recordUnhandled = (): readonly unknown[] => {
  const unhandled: unknown[] = [];
  const record = (error: unknown) => void unhandled.push(error);
  process.on('unhandledRejection', record);
  onTestFinished(() => void process.off('unhandledRejection', record));
  return unhandled;
};

/** Lets a few turns of the event loop pass, in which whatever is due would happen. */
export const laterTurns = async (count = 5): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
};
