// How fast an outbox gives its events to RabbitMQ, beside the bare client.
import type { PoolClient } from 'pg';
import { Connection } from 'rabbitmq-client';
import { ensureService } from '../../scripts/services/main.ts';
import { fromPg, outbox } from '../../src/postgres/index.ts';
import { rabbitmq } from '../../src/rabbitmq/index.ts';
import { createServiceBus } from '../../src/service/index.ts';
import { createCounter, inParallel, type Payload, payloadOf, rateOf } from './load.ts';
import { inDatabase } from './server.ts';

const NAME = 'order.placed';

/** Confirmed publishes a second of the client alone, 500 at once. */
export const bareRate = async (count: number): Promise<number> => {
  const { url } = await ensureService('rabbitmq');
  const connection = new Connection(url);
  const exchange = `bench-${crypto.randomUUID()}`;
  const publisher = connection.createPublisher({
    confirm: true,
    exchanges: [{ exchange, type: 'topic', autoDelete: true }],
  });
  const queue = await connection.queueDeclare({ queue: exchange, exclusive: true });
  await publisher.send({ exchange, routingKey: NAME }, payloadOf(0)).catch(() => {});
  await connection.queueBind({ exchange, queue: queue.queue, routingKey: '#' });
  const rate = await rateOf(count, () =>
    inParallel(count, 500, (index) => publisher.send({ exchange, routingKey: NAME, durable: true }, payloadOf(index))),
  );
  await publisher.close();
  await connection.close();
  return rate;
};

/** Events a second from a full outbox to the confirms of the broker. */
export const relayRate = (count: number, keys?: number): Promise<number> =>
  inDatabase(async ({ pool }) => {
    const { url } = await ensureService('rabbitmq');
    const namespace = `bench-${crypto.randomUUID()}`;
    let sent = createCounter(count);
    const create = (relay: boolean) => {
      const broker = rabbitmq({ url });
      const counted: typeof broker = {
        connect: (context) => {
          const connection = broker.connect(context);
          return {
            ...connection,
            publish: async (...parts) => {
              const result = await connection.publish(...parts);
              sent.hit();
              return result;
            },
          };
        },
      };
      return createServiceBus<{ [NAME]: Payload }, PoolClient>({
        service: 'shop',
        namespace,
        transport: outbox({ database: fromPg(pool), transport: counted, relay }),
        sends: 'all',
        contextStorage: false,
        maxPendingPublishes: 100_000,
        ...(keys && { keys: { [NAME]: ({ index }: Payload) => String(index % keys) } }),
      });
    };
    const writer = create(false);
    await writer.ready();
    await inParallel(count, 500, (index) => writer.publish(NAME, payloadOf(index)));
    await writer.close();
    let bus: ReturnType<typeof create> | undefined;
    sent = createCounter(count);
    const rate = await rateOf(count, async () => {
      bus = create(true);
      await sent.finished;
    });
    await bus?.close();
    return rate;
  });
