// What the bus costs over a broker, against its bare client: the same broker, run, settings and payload of 256 bytes.
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { Admin, Consumer, type Message, ProduceAcks, Producer } from '@platformatic/kafka';
import { Connection } from 'rabbitmq-client';
import { createEventBus } from '../../dist/index.js';
import type { BusTransport } from '../../dist/transport.js';
import { transportFromUrl } from '../../dist/url.js';
import { ensureService } from '../../scripts/services/main.ts';

const COUNT = 10_000;
const IN_FLIGHT = 100;
const PREFETCH = 100;
const ROUNDS = 5;
const payload = { text: 'x'.repeat(245) };
const body = Buffer.from(JSON.stringify(payload));

let unique = 0;
const createName = (what: string) => `bench-${what}-${Date.now()}-${unique++}`;

/** Something that sends, and something that receives. */
interface Side {
  readonly send: () => Promise<unknown>;
  /** Begins to receive; resolves when so many have come. */
  readonly receive: (count: number) => Promise<void>;
  readonly close: () => Promise<unknown>;
}

const countTo = (count: number) => {
  let left = count;
  let finish = () => {};
  const done = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const tick = () => {
    if (--left === 0) finish();
  };
  return { done, tick };
};

const openBus = async (url: string, handlerCount: number): Promise<Side> => {
  const service = createName('service');
  const name = createName('event');
  const logger = { debug: () => {}, warn: console.error, error: console.error };
  const open = async (prefetch: number) => {
    const transport: BusTransport | undefined = await transportFromUrl(`${url}?prefetch=${prefetch}`, { service });
    return createEventBus<Record<string, unknown>>({ transport, logger });
  };
  // Asks for the event once, so that what is sent waits for the service.
  const first = await open(1);
  first.subscribe(name, () => {}, { name: 'handler0' })();
  const declaring = first.ready();
  await declaring;
  await first.close();
  const bus = await open(PREFETCH);
  const receive = async (count: number) => {
    const { done, tick } = countTo(count * handlerCount);
    for (let index = 0; index < handlerCount; index++) bus.subscribe(name, tick, { name: `handler${index}` });
    await done;
  };
  return { send: () => bus.publish(name, payload), receive, close: () => bus.close() };
};

const openRabbitmq = async (url: string): Promise<Side> => {
  const connection = new Connection({ url, heartbeat: 5 });
  const exchange = createName('exchange');
  const queue = createName('queue');
  const publisher = connection.createPublisher({
    confirm: true,
    exchanges: [{ exchange, type: 'topic', durable: true }],
  });
  const queueOptions = { durable: true, arguments: { 'x-queue-type': 'quorum' as const } };
  await connection.exchangeDeclare({ exchange, type: 'topic', durable: true });
  await connection.queueDeclare({ queue, ...queueOptions });
  await connection.queueBind({ queue, exchange, routingKey: 'event' });
  let consumer: ReturnType<Connection['createConsumer']> | undefined;
  const receive = async (count: number) => {
    const { done, tick } = countTo(count);
    const qos = { prefetchCount: PREFETCH };
    consumer = connection.createConsumer({ queue, queueOptions, qos, concurrency: PREFETCH }, async () => tick());
    await done;
  };
  const close = async () => {
    await consumer?.close();
    await publisher.close();
    await connection.close();
  };
  return { send: () => publisher.send({ exchange, routingKey: 'event', durable: true }, body), receive, close };
};

const openKafka = async (brokers: string): Promise<Side> => {
  const options = { clientId: 'bench', bootstrapBrokers: brokers.split(',') };
  const topic = createName('topic');
  const admin = new Admin(options);
  await admin.createTopics({ topics: [topic], partitions: 3, replicas: 1 });
  await admin.close();
  const producer = new Producer({ ...options, acks: ProduceAcks.ALL });
  const consumer = new Consumer({ ...options, groupId: createName('group'), autocommit: 100 });
  const send = () => producer.send({ messages: [{ topic, value: body }] });
  const receive = async (count: number) => {
    const { done, tick } = countTo(count);
    const stream = await consumer.consume({ topics: [topic], mode: 'committed', fallbackMode: 'earliest' });
    stream.on('data', (_: Message) => tick());
    await done;
  };
  return { send, receive, close: async () => [await consumer.close(true), await producer.close()] };
};

const rate = async (count: number, work: () => Promise<unknown>) => {
  const begun = performance.now();
  await work();
  return (count / (performance.now() - begun)) * 1_000;
};

const measure = async (open: () => Promise<Side>) => {
  const { send, receive, close } = await open();
  let left = COUNT;
  const sendSome = async () => {
    while (left-- > 0) await send();
  };
  const sent = await rate(COUNT, () => Promise.all(Array.from({ length: IN_FLIGHT }, sendSome)));
  const received = await rate(COUNT, () => receive(COUNT));
  await close();
  return { sent, received };
};

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

const compare = async (title: string, contenders: Record<string, () => Promise<Side>>): Promise<string> => {
  const results = new Map<string, { sent: number; received: number }[]>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, open] of Object.entries(contenders)) {
      results.set(name, [...(results.get(name) ?? []), await measure(open)]);
    }
  }
  const rows = [...results].map(([name, runs]) => ({
    name,
    sent: median(runs.map(({ sent }) => sent)),
    received: median(runs.map(({ received }) => received)),
  }));
  const [raw] = rows;
  const lines = rows.map(({ name, sent, received }) => {
    const ratios = [sent / (raw?.sent ?? Number.NaN), received / (raw?.received ?? Number.NaN)];
    const cells = [sent.toFixed(0), ratios[0]?.toFixed(2), received.toFixed(0), ratios[1]?.toFixed(2)];
    return `| ${name} | ${cells.join(' | ')} |`;
  });
  return [
    `## ${title}`,
    '',
    '| | published/s | of the client | handled/s | of the client |',
    '|---|---|---|---|---|',
    ...lines,
    '',
  ].join('\n');
};

const { url: amqp } = await ensureService('rabbitmq');
const { url: brokers } = await ensureService('kafka');
const sections = [
  await compare('RabbitMQ', {
    'rabbitmq-client': () => openRabbitmq(amqp),
    'mapbus, 1 handler': () => openBus(amqp, 1),
    'mapbus, 4 handlers': () => openBus(amqp, 4),
  }),
  await compare('Kafka', {
    '@platformatic/kafka': () => openKafka(brokers),
    'mapbus, 1 handler': () => openBus(`kafka://${brokers}`, 1),
    'mapbus, 4 handlers': () => openBus(`kafka://${brokers}`, 4),
  }),
];
const intro = `# What the bus costs over a broker

${COUNT} events with a payload of 256 bytes: published with confirms, ${IN_FLIGHT} in flight, then handled with a prefetch of
${PREFETCH}, each acknowledged. Medians of ${ROUNDS} interleaved rounds; Node ${process.versions.node}, ${cpus()[0]?.model}, the broker on the
same machine. Made by \`npm run bench:transports\`.
`;
writeFileSync(new URL('RESULTS.md', import.meta.url), [intro, ...sections].join('\n'));
console.log(sections.join('\n'));
process.exit();
