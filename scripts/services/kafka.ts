import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BrokerKind } from './broker.ts';

const version = '4.3.1';
const port = 19_092;
const controllerPort = port + 1;
/** Advertises the port of the fault proxy: a client would leave a proxy that the broker does not name. */
const proxiedPort = port + 2;
export const kafkaProxy: { readonly target: number; readonly port: number } = { target: proxiedPort, port: port + 3 };

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>mapbus.test</groupId><artifactId>kafka-broker</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${version}</version></dependency>
  </dependencies>
</project>
`;

const configuration = (folder: string) => `process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:${controllerPort}
listeners=PLAINTEXT://127.0.0.1:${port},PROXIED://127.0.0.1:${proxiedPort},CONTROLLER://127.0.0.1:${controllerPort}
advertised.listeners=PLAINTEXT://127.0.0.1:${port},PROXIED://127.0.0.1:${kafkaProxy.port},CONTROLLER://127.0.0.1:${controllerPort}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs=${folder}/data
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
log.cleaner.dedupe.buffer.size=8388608
num.network.threads=2
num.io.threads=4
`;

const jars = (folder: string) => join(folder, `lib-${version}`);

const java = (folder: string, ...args: readonly string[]) => [
  '-Xms256m',
  '-Xmx512m',
  '-Djava.awt.headless=true',
  '-cp',
  `${jars(folder)}/*`,
  ...args,
];

/** A single-node Kafka without ZooKeeper, from Maven Central. It wants Java 17 or newer, and Maven to be fetched. */
export const kafka: BrokerKind = {
  name: 'kafka',
  port,
  // ApiVersions of a client named mapbus: every broker has some answer to it.
  probe: { send: Buffer.from('00000010001200000000000100066d6170627573', 'hex'), answer: Buffer.alloc(0) },
  install: (folder) => {
    if (existsSync(jars(folder))) return;
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'pom.xml'), pom);
    const partial = `${jars(folder)}.partial`;
    const copy = ['dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${partial}`];
    execFileSync('mvn', ['-q', '-B', '-f', join(folder, 'pom.xml'), ...copy], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    renameSync(partial, jars(folder));
  },
  prepare: (folder) => {
    const file = join(folder, 'server.properties');
    writeFileSync(file, configuration(folder));
    const format = ['format', '--standalone', '--ignore-formatted', '-t', 'MkU3OEVBNTcwNTJENDM2Qg', '-c', file];
    execFileSync('java', java(folder, 'kafka.tools.StorageTool', ...format), { stdio: 'ignore' });
    return {
      command: 'sh',
      args: ['-c', 'echo $$ > pid; exec java "$@"', 'kafka', ...java(folder, 'kafka.Kafka', file)],
    };
  },
};
