// What one more consumer of an event costs a publisher and the broker.
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { kafka } from '../../dist/kafka.js';
import { rabbitmq } from '../../dist/rabbitmq.js';
import { createServiceBus } from '../../dist/service.js';
import type { Transport } from '../../dist/transport.js';
import { folderOf } from '../../scripts/services/broker.ts';
import { ensureService } from '../../scripts/services/main.ts';

const IN_FLIGHT = 500;
const SECONDS = 5;
const payload = { text: 'x'.repeat(245) };
const silent = { debug: () => {}, warn: () => {}, error: () => {} };

const brokerMb = (name: string): number => {
  const pid = readFileSync(join(folderOf(name), 'pid'), 'utf8').trim();
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024;
};
const sockets = () => process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length;

const measure = async (name: string, create: () => Transport, consumerCount: number): Promise<string> => {
  const before = { mb: brokerMb(name), sockets: sockets() };
  const event = `cost-${Date.now()}-${consumerCount}`;
  const bus = createServiceBus<Record<string, unknown>>({
    service: `cost-${Date.now()}`,
    transport: create(),
    sends: 'all',
    consumers: { concurrency: 100 },
    logger: silent,
    contextStorage: false,
  });
  let handled = 0;
  const begunReady = performance.now();
  for (let index = 0; index < consumerCount; index++) bus.consume(event, `consumer${index}`, () => void handled++);
  await bus.ready();
  const readyMs = performance.now() - begunReady;
  const idle = { mb: brokerMb(name), sockets: sockets() };
  let published = 0;
  const begun = performance.now();
  const publishSome = async () => {
    while (performance.now() - begun < SECONDS * 1_000) {
      const { error } = await bus.publish(event, payload);
      if (!error) published++;
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, publishSome));
  while (handled < published * consumerCount) await sleep(10);
  const seconds = (performance.now() - begun) / 1_000;
  await bus.close();
  const cells = [
    consumerCount,
    (published / SECONDS).toFixed(0),
    (handled / seconds).toFixed(0),
    idle.sockets - before.sockets,
    (idle.mb - before.mb).toFixed(0),
    readyMs.toFixed(0),
  ];
  return `| ${cells.join(' | ')} |`;
};

const { url: amqp } = await ensureService('rabbitmq');
const { url: brokers } = await ensureService('kafka');
const transports: Record<string, () => Transport> = {
  rabbitmq: () => rabbitmq({ url: amqp }),
  kafka: () => kafka({ brokers: brokers.split(',') }),
};
const sections: string[] = [];
for (const [name, create] of Object.entries(transports)) {
  await measure(name, create, 1);
  const rows: string[] = [];
  for (const count of [1, 4, 10, 50]) rows.push(await measure(name, create, count));
  sections.push(
    [
      `## ${name === 'kafka' ? 'Kafka' : 'RabbitMQ'}`,
      '',
      '| consumers of the event | published/s | handled/s, all consumers | connections of the process | memory of the broker, MB | ready, ms |',
      '|--:|--:|--:|--:|--:|--:|',
      ...rows,
      '',
    ].join('\n'),
  );
}
const intro = `# What one more consumer costs

One process publishes and consumes events of 256 bytes, ${IN_FLIGHT} publishes in flight for ${SECONDS} s, until all are handled. The memory is
what the broker has grown by when the consumers are ready and nothing is published yet. One run; Node ${process.versions.node},
${cpus()[0]?.model}, two cores, the broker on the same machine. Made by \`npm run bench:transports\`.
`;
writeFileSync(new URL('CONSUMERS.md', import.meta.url), [intro, ...sections].join('\n'));
console.log(sections.join('\n'));
process.exit();
