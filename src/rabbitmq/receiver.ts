import type { Connection, ConnectionOptions } from 'rabbitmq-client';
import type { Delivery } from '../old-seam/port.ts';
import { after, codeOf, fatal, isRefusal, openConnection, toDelivery } from './client.ts';
import type { Topology } from './topology.ts';

type Deliver = (delivery: Delivery) => Promise<void>;
type Consumer = ReturnType<Connection['createConsumer']>;

const CLOSE_MS = 2_000;
/** RabbitMQ 3.10 hands 32 acknowledgements at once on to a quorum queue, and forgets the rest when the channel closes. */
const SETTLED_AT_ONCE = 16;
const WATCH_MS = 1_000;
/** How long a consumer may be without its queue before it is made anew, on a new connection. */
const STALLED_MS = 15_000;

/** Lets acknowledgements go in small groups, each after the broker has answered for the one before. */
const createPace = (roundTrip: () => Promise<unknown>) => {
  let count = 0;
  let turn: Promise<unknown> = Promise.resolve();
  return (): Promise<unknown> => {
    if (count++ % SETTLED_AT_ONCE === 0) turn = turn.then(roundTrip).catch(() => {});
    return turn;
  };
};

/** A consumer that stays away from its queue has hung, as nobody who waits for the broker would: it is made anew. */
const watchConsumer = (isConsuming: () => boolean, renew: () => void) => {
  let stalledMs = 0;
  return setInterval(() => {
    stalledMs = isConsuming() ? 0 : stalledMs + WATCH_MS;
    if (stalledMs < STALLED_MS) return;
    stalledMs = 0;
    renew();
  }, WATCH_MS);
};

/** A cut makes an error of each event in hand: the first one tells it all. */
const createReportOnce = (report: (error: unknown) => void) => {
  let last = '';
  const reportOnce = (error: unknown) => {
    const code = codeOf(error);
    if (code !== last) report(error);
    last = code;
  };
  const forget = () => {
    last = '';
  };
  return { reportOnce, forget };
};

export const createReceiver = (
  options: ConnectionOptions,
  { exchange, events, dead }: Topology,
  prefetch: number,
  report: (error: unknown) => void,
) => {
  const queue = String(events.queue);
  // The client declares these again after each reconnect.
  const bindings: { queue: string; exchange: string; routingKey: string }[] = [];
  let bound = 0;
  let current: { connection: Connection; consumer: Consumer } | undefined;
  let watching: ReturnType<typeof setInterval> | undefined;
  let stopping = false;
  const roundTrip = async () => current?.connection.queueDeclare({ queue, passive: true });
  const pace = createPace(roundTrip);
  const { reportOnce, forget } = createReportOnce(report);

  const open = (deliver: Deliver, onReady: () => void, onRefusal: (error: unknown) => void): void => {
    const onError = (error: unknown) => {
      reportOnce(error);
      if (isRefusal(error)) onRefusal(fatal(error));
    };
    const connection = openConnection(options, onError);
    const props = {
      queue,
      queueOptions: events,
      exchanges: [{ exchange, type: 'topic', durable: true }],
      queueBindings: bindings,
      qos: { prefetchCount: prefetch },
      concurrency: prefetch,
    };
    // 0 acknowledges, 1 gives the event back: it comes again, here or elsewhere.
    const consumer = connection.createConsumer(props, async (message) => {
      const status = await deliver(toDelivery(message)).then(
        () => 0,
        () => 1,
      );
      if (stopping) await pace();
      return status;
    });
    consumer.on('error', onError);
    consumer.on('ready', () => {
      forget();
      // A cut before the answer makes the consumer ready once more, on the next connection.
      connection.queueDeclare(dead).then(onReady, onError);
    });
    current = { connection, consumer };
  };

  const start = (deliver: Deliver): Promise<void> =>
    new Promise((resolve, reject) => {
      // The consumer that becomes ready at last need not be the first one.
      const renew = () => {
        current?.connection.unsafeDestroy();
        open(deliver, resolve, reject);
      };
      renew();
      watching = watchConsumer(() => Boolean(current?.consumer.consumerTag), renew);
    });

  const receive = async (names: ReadonlySet<string> | undefined, deliver: Deliver): Promise<void> => {
    for (const routingKey of names ?? ['#']) {
      if (!bindings.some((binding) => binding.routingKey === routingKey))
        bindings.push({ queue, exchange, routingKey });
    }
    if (!current) {
      await start(deliver);
      bound = bindings.length;
    }
    // One that has failed is asked for again, and must not pass for bound.
    for (const binding of bindings.slice(bound)) {
      await current?.connection.queueBind(binding);
      bound++;
    }
  };
  const stop = async (): Promise<void> => {
    clearInterval(watching);
    stopping = true;
    if (current?.consumer.consumerTag) await roundTrip().catch(report);
    await current?.consumer.close();
  };
  const close = async () => {
    clearInterval(watching);
    if (!current) return;
    await Promise.race([current.connection.close().catch(report), after(CLOSE_MS)]);
    current.connection.unsafeDestroy();
  };
  return { receive, stop, close };
};
