// What the bus costs over a broker, against its bare client, on two versions of Node.
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { npmCi } from '../../scripts/npm-ci.ts';
import { ensureService } from '../../scripts/services/main.ts';
import { file } from '../processes.ts';
import { versionOf } from '../versions.ts';
import { compare, ROUNDS, type Table, WARM_UPS } from './measure.ts';

const clientVersion = (name: string) => `${name} ${versionOf(name, '../node_modules')}`;
const peerVersion = (name: string) => `${name} ${versionOf(name)}`;
const rabbitmqClient = clientVersion('rabbitmq-client');
const kafkaClient = clientVersion('@platformatic/kafka');

const tables: readonly Table[] = [
  {
    title: 'RabbitMQ, one consumer',
    broker: 'rabbitmq',
    count: 20_000,
    consumerCount: 1,
    contenders: {
      [rabbitmqClient]: 'rabbitmq',
      mapbus: 'busOnRabbitmq',
      [peerVersion('@nestjs/microservices')]: 'nest',
      [`${peerVersion('@message-queue-toolkit/amqp')}, without confirms`]: 'toolkit',
    },
  },
  {
    title: 'RabbitMQ, four consumers',
    broker: 'rabbitmq',
    count: 10_000,
    consumerCount: 4,
    contenders: { [`${rabbitmqClient}, four queues`]: 'rabbitmq', mapbus: 'busOnRabbitmq' },
  },
  {
    title: 'Kafka, one consumer',
    broker: 'kafka',
    // More, since a client that has fetched 20,000 is through with them before its code is compiled.
    count: 100_000,
    consumerCount: 1,
    contenders: { [kafkaClient]: 'kafka', mapbus: 'busOnKafka' },
  },
  {
    title: 'Kafka, four consumers',
    broker: 'kafka',
    count: 50_000,
    consumerCount: 4,
    contenders: { [`${kafkaClient}, four groups`]: 'kafka', mapbus: 'busOnKafka' },
  },
];

const runtimes = file('../scripts/runtimes');
await npmCi(runtimes);
for (const broker of ['rabbitmq', 'kafka'] as const) await ensureService(broker);

const sections: string[] = [];
for (const version of [24, 20]) {
  sections.push(`## Node ${version}\n`);
  for (const table of tables) {
    const section = await compare(`${runtimes}/node_modules/node-${version}/bin/node`, table);
    console.log(section);
    sections.push(section);
  }
}

const intro = `# What the bus costs over a broker

Events with a payload of 256 bytes: published with confirms, 100 in flight, then handled with a prefetch of 100,
each acknowledged; counted from the second one published and the first one handled, since what comes before is
connecting. Every side sends its payload as JSON and reads it again, in a process of its own. Medians of ${ROUNDS} rounds in
turns, after ${WARM_UPS} that warm up, ratios within a round; ${cpus()[0]?.model}, ${cpus().length} cores, the broker on the same
machine. Made by \`npm run bench:transports\`.
`;
writeFileSync(file('transports/RESULTS.md'), [intro, ...sections].join('\n'));
process.exit();
