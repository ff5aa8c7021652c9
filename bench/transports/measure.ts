// Measures on the Node that runs it, and prints tables: the same broker, run, settings and payload of 256 bytes.
import { ensureService } from '../../scripts/services/main.ts';
import { versionOf } from '../versions.ts';
import {
  openBusOnKafka,
  openBusOnRabbitmq,
  openKafka,
  openNest,
  openRabbitmq,
  openToolkit,
  type Side,
} from './sides.ts';

const IN_FLIGHT = 100;
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 9);

/** From the second event on, since the first one may have to connect. */
const measureSending = async ({ send }: Side, count: number): Promise<number> => {
  await send();
  let left = count;
  const sendSome = async () => {
    while (left-- > 0) await send();
  };
  const begun = performance.now();
  await Promise.all(Array.from({ length: IN_FLIGHT }, sendSome));
  return (count / (performance.now() - begun)) * 1_000;
};

/** From the first event on, since what comes before it is connecting. */
const measureReceiving = ({ receive }: Side, count: number): Promise<number> =>
  new Promise((resolve) => {
    let received = 0;
    let begun = 0;
    receive(() => {
      if (received++ === 0) begun = performance.now();
      if (received === count) resolve((count / (performance.now() - begun)) * 1_000);
    });
  });

const measure = async (open: () => Promise<Side>, count: number, consumerCount: number) => {
  const side = await open();
  const sent = await measureSending(side, count);
  const received = await measureReceiving(side, count * consumerCount);
  await side.close();
  return { sent, received };
};

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

/** Each round begins with another contender, so that none always comes after the same one. */
const rotate = <Item>(items: readonly Item[], by: number): Item[] => {
  const first = by % items.length;
  return [...items.slice(first), ...items.slice(0, first)];
};

const compare = async (
  title: string,
  count: number,
  consumerCount: number,
  contenders: Record<string, () => Promise<Side>>,
): Promise<string> => {
  const results = new Map<string, { sent: number; received: number }[]>(
    Object.keys(contenders).map((name) => [name, []]),
  );
  // The first round warms up.
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [name, open] of rotate(Object.entries(contenders), round)) {
      const result = await measure(open, count, consumerCount);
      if (round > 0) results.get(name)?.push(result);
    }
  }
  const [raw = []] = results.values();
  const lines = [...results].map(([name, runs]) => {
    const cells = (['sent', 'received'] as const).flatMap((what) => {
      const rate = median(runs.map((run) => run[what]));
      // Of the client in the same round: the broker is not equally fast in all of them.
      const ratio = median(runs.map((run, round) => run[what] / (raw[round]?.[what] ?? Number.NaN)));
      return [rate.toFixed(0), ratio.toFixed(2)];
    });
    return `| ${name} | ${cells.join(' | ')} |`;
  });
  return [
    `### ${title}`,
    '',
    `${count} events in a round, each handled ${consumerCount === 1 ? 'once' : `${consumerCount} times`}.`,
    '',
    '| | published/s | of the client | handled/s | of the client |',
    '|---|---|---|---|---|',
    ...lines,
    '',
  ].join('\n');
};

const clientVersion = (name: string) => `${name} ${versionOf(name, '../node_modules')}`;
const peerVersion = (name: string) => `${name} ${versionOf(name)}`;

const { url: amqp } = await ensureService('rabbitmq');
const { url: brokers } = await ensureService('kafka');
const rabbitmqClient = clientVersion('rabbitmq-client');
const kafkaClient = clientVersion('@platformatic/kafka');
const sections = [
  await compare('RabbitMQ, one consumer', 20_000, 1, {
    [rabbitmqClient]: () => openRabbitmq(amqp, 1),
    mapbus: () => openBusOnRabbitmq(amqp, 1),
    [peerVersion('@nestjs/microservices')]: () => openNest(amqp),
    [`${peerVersion('@message-queue-toolkit/amqp')}, without confirms`]: () => openToolkit(amqp),
  }),
  await compare('RabbitMQ, four consumers', 10_000, 4, {
    [`${rabbitmqClient}, four queues`]: () => openRabbitmq(amqp, 4),
    mapbus: () => openBusOnRabbitmq(amqp, 4),
  }),
  // More, since a client that has fetched 20,000 is through with them before its code is compiled.
  await compare('Kafka, one consumer', 100_000, 1, {
    [kafkaClient]: () => openKafka(brokers, 1),
    mapbus: () => openBusOnKafka(brokers, 1),
  }),
  await compare('Kafka, four consumers', 50_000, 4, {
    [`${kafkaClient}, four groups`]: () => openKafka(brokers, 4),
    mapbus: () => openBusOnKafka(brokers, 4),
  }),
];
console.log(sections.join('\n'));
process.exit();
