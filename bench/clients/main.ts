// How the clients behave when things break, with no more around them than their manuals say, and how the bus does.
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { setTimeout as after } from 'node:timers/promises';
import { kafkaProxy } from '../../scripts/services/kafka.ts';
import { ensureService } from '../../scripts/services/main.ts';
import { createFaultProxy, type FaultProxy } from '../../scripts/services/proxy.ts';
import { within } from '../../src/shared/time-limit.ts';
import { versionOf } from '../versions.ts';
import {
  type Client,
  openAmqplib,
  openKafkajs,
  openMapbusKafka,
  openMapbusRabbitmq,
  openPlatformatic,
  openRabbitmqClient,
} from './clients.ts';

const IN_FLIGHT = 50;
const TRY_MS = 5_000;
const NEVER_MS = 60_000;
const COUNT = 1_000;

const inTime = (work: Promise<unknown>) =>
  within(TRY_MS, work, () => {
    throw new Error('no answer');
  });

type Own = NonNullable<Awaited<ReturnType<typeof ensureService>>['own']>;

const faults: Record<string, (proxy: FaultProxy, own: Own) => Promise<void>> = {
  'connection cut': async (proxy) => proxy.cut(),
  'broker killed': async (_, own) => {
    await own.kill();
    await own.start();
  },
  'broker frozen 15 s': async (_, own) => {
    await own.freeze();
    await after(15_000);
    own.thaw();
  },
  'bytes stop for 15 s': async (proxy) => {
    proxy.stall(true);
    await after(15_000);
    proxy.cut();
    proxy.stall(false);
  },
};

/** Publishes all the time, tries again what failed, and lets the fault happen in the middle. */
const tryFault = async (open: () => Promise<Client>, breakIt: () => Promise<void>) => {
  const uncaught: unknown[] = [];
  const note = (error: unknown) => uncaught.push(error);
  process.on('uncaughtException', note).on('unhandledRejection', note);
  const client = await open();
  const seen = new Map<string, number>();
  let firstSeenAfter: number | undefined;
  let over = Number.POSITIVE_INFINITY;
  client.receive((id) => {
    seen.set(id, (seen.get(id) ?? 0) + 1);
    if (performance.now() > over) firstSeenAfter ??= performance.now();
  });
  const confirmed = new Set<string>();
  let lastConfirm = performance.now();
  let longestGap = 0;
  let next = 0;
  let goal = COUNT;
  const isStuck = () => performance.now() - lastConfirm > NEVER_MS;
  const publishSome = async () => {
    while (next < goal && !isStuck()) {
      const id = `${next++}`;
      for (let sent = false; !sent && !isStuck(); ) {
        sent = await inTime(client.send(id)).then(
          () => true,
          () => after(50).then(() => false),
        );
        if (!sent) continue;
        confirmed.add(id);
        longestGap = Math.max(longestGap, performance.now() - lastConfirm);
        lastConfirm = performance.now();
      }
    }
  };
  const publishAll = () => Promise.all(Array.from({ length: IN_FLIGHT }, publishSome));
  await publishAll();
  longestGap = 0;
  goal = Number.POSITIVE_INFINITY;
  const publishing = publishAll();
  await after(1_000);
  const begun = performance.now();
  await breakIt();
  over = performance.now();
  // Goes on until it has worked for a while, or never will.
  while (!isStuck() && !(lastConfirm > over && performance.now() - over > 10_000)) await after(100);
  goal = 0;
  await publishing;
  const isLost = () => [...confirmed].filter((id) => !seen.has(id)).length;
  for (let waited = 0; isLost() > 0 && waited < NEVER_MS; waited += 100) await after(100);
  const duplicates = [...seen.values()].reduce((sum, times) => sum + times - 1, 0);
  await Promise.race([client.close().catch(() => {}), after(5_000)]);
  process.off('uncaughtException', note).off('unhandledRejection', note);
  const inSeconds = (ms: number) => `${(Math.max(0, ms) / 1_000).toFixed(1)} s`;
  const gap = isStuck() ? 'never' : inSeconds(longestGap - (over - begun));
  const delivered = firstSeenAfter === undefined ? 'never' : inSeconds(firstSeenAfter - over);
  return [gap, delivered, confirmed.size, isLost(), duplicates, uncaught.length];
};

const { url: amqp, own: ownRabbitmq } = await ensureService('rabbitmq');
const { own: ownKafka } = await ensureService('kafka');
if (!ownRabbitmq || !ownKafka) throw new Error('The brokers at hand are not ours to kill');

let unique = 0;
const name = () => `clients-${Date.now()}-${unique++}`;
const target = Number(new URL(amqp).port);
const throughProxy = (port: number) => amqp.replace(String(target), String(port));
const onRabbitmq = (open: (url: string, queue: string) => Promise<Client>) => ({
  own: ownRabbitmq,
  openProxy: () => createFaultProxy(target),
  open: (port: number) => open(throughProxy(port), name()),
});
const onKafka = (open: (brokers: string[], topic: string) => Promise<Client>) => ({
  own: ownKafka,
  openProxy: () => createFaultProxy(kafkaProxy.target, kafkaProxy.port),
  open: (port: number) => open([`127.0.0.1:${port}`], name()),
});
const clients = {
  [`rabbitmq-client ${versionOf('rabbitmq-client', '../node_modules')}`]: onRabbitmq(openRabbitmqClient),
  [`amqplib ${versionOf('amqplib-newest')}, reconnected by 20 lines of ours`]: onRabbitmq(openAmqplib),
  [`@platformatic/kafka ${versionOf('@platformatic/kafka', '../node_modules')}`]: onKafka(openPlatformatic),
  [`kafkajs ${versionOf('kafkajs')}`]: onKafka(openKafkajs),
  'mapbus over RabbitMQ': onRabbitmq(openMapbusRabbitmq),
  'mapbus over Kafka': onKafka(openMapbusKafka),
};

const rows: string[] = [];
for (const [client, { own, openProxy, open }] of Object.entries(clients)) {
  for (const [fault, breakIt] of Object.entries(faults)) {
    const proxy = await openProxy();
    const cells = await tryFault(
      () => open(proxy.port),
      () => breakIt(proxy, own),
    );
    await proxy.close();
    rows.push(`| ${client} | ${fault} | ${cells.join(' | ')} |`);
    console.log(rows.at(-1));
  }
}
const text = `# How the clients take faults

${IN_FLIGHT} publishes in flight with confirms, each given up after ${TRY_MS / 1_000} s and tried again by the caller; what was confirmed is looked for
at a consumer of the same client. One run; Node ${process.versions.node}, ${cpus()[0]?.model}, one broker on the same machine. Made by
\`npm run bench:clients\`. The gap is how long nothing was confirmed beyond the fault itself. Delivered is how long after the
end of the fault the first event came to the consumer.

| client | fault | gap | delivered | confirmed | lost | came twice | uncaught errors |
|---|---|---|---|---|---|---|---|
${rows.join('\n')}
`;
writeFileSync(new URL('RESULTS.md', import.meta.url), text);
process.exit();
