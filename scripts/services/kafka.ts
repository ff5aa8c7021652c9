import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BrokerKind, folderOf } from './broker.ts';

const version = '4.3.1';
const CLUSTER_ID = 'MkU3OEVBNTcwNTJENDM2Qg';

/** One broker, which is a controller too. */
interface Node {
  readonly name: string;
  readonly id: number;
  /** Of its clients. The next one is that of the controllers. */
  readonly port: number;
}

const controllerPort = ({ port }: Node): number => port + 1;

const single: Node = { name: 'kafka', id: 1, port: 19_092 };
/** Advertises the port of the fault proxy: a client would leave a proxy that the broker does not name. */
const proxiedPort = single.port + 2;
export const kafkaProxy: { readonly target: number; readonly port: number } = {
  target: proxiedPort,
  port: single.port + 3,
};

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>mapbus.test</groupId><artifactId>kafka-broker</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${version}</version></dependency>
  </dependencies>
</project>
`;

type Settings = Readonly<Record<string, string | number>>;

/** @param cluster all nodes, this one included */
const settingsOf = (node: Node, cluster: readonly Node[], folder: string): Settings => ({
  'process.roles': 'broker,controller',
  'node.id': node.id,
  'inter.broker.listener.name': 'PLAINTEXT',
  'controller.listener.names': 'CONTROLLER',
  'log.dirs': `${folder}/data`,
  'auto.create.topics.enable': 'false',
  'default.replication.factor': cluster.length,
  'min.insync.replicas': Math.min(cluster.length, 2),
  'offsets.topic.replication.factor': cluster.length,
  'offsets.topic.num.partitions': 4,
  'transaction.state.log.replication.factor': cluster.length,
  'transaction.state.log.min.isr': Math.min(cluster.length, 2),
  'transaction.state.log.num.partitions': 4,
  'share.coordinator.state.topic.replication.factor': 1,
  'share.coordinator.state.topic.min.isr': 1,
  'group.initial.rebalance.delay.ms': 0,
  'group.min.session.timeout.ms': 1_000,
  'group.consumer.min.session.timeout.ms': 1_000,
  'group.consumer.min.heartbeat.interval.ms': 100,
  'log.cleaner.dedupe.buffer.size': 8_388_608,
  'num.network.threads': 2,
  'num.io.threads': 4,
});

const withProxy: Settings = {
  'controller.quorum.bootstrap.servers': `127.0.0.1:${controllerPort(single)}`,
  listeners: `PLAINTEXT://127.0.0.1:${single.port},PROXIED://127.0.0.1:${proxiedPort},CONTROLLER://127.0.0.1:${controllerPort(single)}`,
  'advertised.listeners': `PLAINTEXT://127.0.0.1:${single.port},PROXIED://127.0.0.1:${kafkaProxy.port},CONTROLLER://127.0.0.1:${controllerPort(single)}`,
  'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT',
};

const inCluster = (node: Node, cluster: readonly Node[]): Settings => ({
  'controller.quorum.voters': cluster.map((each) => `${each.id}@127.0.0.1:${controllerPort(each)}`).join(','),
  listeners: `PLAINTEXT://127.0.0.1:${node.port},CONTROLLER://127.0.0.1:${controllerPort(node)}`,
  'advertised.listeners': `PLAINTEXT://127.0.0.1:${node.port}`,
  'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
});

// All nodes share what is downloaded.
const jars = (): string => join(folderOf(single.name), `lib-${version}`);

const java = (...args: readonly string[]) => [
  '-Xms128m',
  '-Xmx512m',
  '-Djava.awt.headless=true',
  '-cp',
  `${jars()}/*`,
  ...args,
];

const install = (): void => {
  if (existsSync(jars())) return;
  const folder = folderOf(single.name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'pom.xml'), pom);
  const partial = `${jars()}.partial`;
  const copy = ['dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${partial}`];
  execFileSync('mvn', ['-q', '-B', '-f', join(folder, 'pom.xml'), ...copy], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  renameSync(partial, jars());
};

const createKind = (
  node: Node,
  settings: (folder: string) => Settings,
  formatOptions: readonly string[] = [],
): BrokerKind => ({
  name: node.name,
  port: node.port,
  // ApiVersions of a client named mapbus: every broker has some answer to it.
  probe: { send: Buffer.from('00000010001200000000000100066d6170627573', 'hex'), answer: Buffer.alloc(0) },
  install,
  prepare: (folder) => {
    const file = join(folder, 'server.properties');
    const lines = Object.entries(settings(folder)).map(([name, value]) => `${name}=${value}\n`);
    writeFileSync(file, lines.join(''));
    const format = ['format', ...formatOptions, '--ignore-formatted', '-t', CLUSTER_ID, '-c', file];
    execFileSync('java', java('kafka.tools.StorageTool', ...format), { stdio: 'ignore' });
    return { command: 'sh', args: ['-c', 'echo $$ > pid; exec java "$@"', 'kafka', ...java('kafka.Kafka', file)] };
  },
});

/** A single-node Kafka without ZooKeeper, from Maven Central. It wants Java 17 or newer, and Maven to be fetched. */
export const kafka: BrokerKind = createKind(
  single,
  (folder) => ({ ...settingsOf(single, [single], folder), ...withProxy }),
  ['--standalone'],
);

/** A broker that forgets the offsets of a group a minute after its last member has left, and removes old events at once. */
export const createForgetfulKafka = (): BrokerKind => {
  const node: Node = { name: 'kafka-forgetful', id: 1, port: 19_492 };
  return createKind(node, (folder) => ({
    ...settingsOf(node, [node], folder),
    ...inCluster(node, [node]),
    'offsets.retention.minutes': 1,
    'offsets.retention.check.interval.ms': 1_000,
    'log.retention.check.interval.ms': 1_000,
    'log.initial.task.delay.ms': 1_000,
  }));
};

/** Three brokers of one cluster. A topic has three replicas, and a write needs two of them. */
export const createKafkaCluster = (): readonly BrokerKind[] => {
  const nodes = [1, 2, 3].map((id): Node => ({ name: `kafka-${id}`, id, port: 19_092 + id * 100 }));
  return nodes.map((node) =>
    createKind(node, (folder) => ({ ...settingsOf(node, nodes, folder), ...inCluster(node, nodes) })),
  );
};
