// Makes sure that RabbitMQ, Kafka and Postgres are there, and prints where: RABBITMQ_URL, KAFKA_BROKERS and POSTGRES_URL,
// what listens on the default ports, containers where there is Docker, or brokers of the tests' own. Quick when they are up.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { tryToInstall } from '../try-to-install.ts';
import { answers, type BrokerKind, createBroker, folderOf, type OwnBroker } from './broker.ts';
import { kafka } from './kafka.ts';
import { ensurePgBouncer } from './pgbouncer.ts';
import { postgres } from './postgres.ts';
import { ensurePostgres18 } from './postgres-18.ts';
import { rabbitmq } from './rabbitmq.ts';

/** Where a broker is, and what may be done to it. */
export interface Service {
  readonly url: string;
  /** Missing for a broker that is not the tests' own: it is never killed. */
  readonly own?: OwnBroker;
}

interface Known {
  readonly kind: BrokerKind;
  readonly variable: string;
  readonly defaultPort: number;
  readonly urlOf: (port: number) => string;
}

const known: Record<'rabbitmq' | 'kafka' | 'postgres', Known> = {
  rabbitmq: {
    kind: rabbitmq,
    variable: 'RABBITMQ_URL',
    defaultPort: 5_672,
    urlOf: (port) => `amqp://guest:guest@127.0.0.1:${port}`,
  },
  kafka: { kind: kafka, variable: 'KAFKA_BROKERS', defaultPort: 9_092, urlOf: (port) => `127.0.0.1:${port}` },
  postgres: {
    kind: postgres,
    variable: 'POSTGRES_URL',
    defaultPort: 5_432,
    urlOf: (port) => `postgres://postgres@127.0.0.1:${port}/postgres`,
  },
};

const hasDocker = () => {
  try {
    execFileSync('docker', ['compose', 'version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

const startOwn = async ({ kind, urlOf }: Known): Promise<Service> => {
  kind.install(folderOf(kind.name));
  const own = createBroker(kind);
  await own.startFresh();
  return { url: urlOf(kind.port), own };
};

const startContainer = async ({ kind, urlOf }: Known): Promise<Service> => {
  const file = fileURLToPath(new URL('compose.yaml', import.meta.url));
  execFileSync('docker', ['compose', '-f', file, 'up', '-d', '--wait', kind.name], { stdio: 'inherit' });
  return { url: urlOf(kind.port) };
};

/** @throws if the broker is not there and cannot be installed */
export const ensureService = async (name: keyof typeof known): Promise<Service> => {
  const service = known[name];
  const { kind, variable, defaultPort, urlOf } = service;
  const given = process.env[variable];
  if (given) return { url: given };
  if (!existsSync(folderOf(kind.name)) && (await answers(defaultPort, kind.probe))) return { url: urlOf(defaultPort) };
  if (hasDocker()) return startContainer(service);
  return startOwn(service);
};

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const name of ['rabbitmq', 'kafka', 'postgres'] as const) {
    await tryToInstall(name, async () => {
      const { url, own } = await ensureService(name);
      console.log(`${name}: ${url.replace(/\/\/.*@/, '//')} (${own ? 'of the tests' : 'not to be killed'})`);
    });
  }
  const show = (name: string, url: string) => console.log(`${name}: ${url.replace(/\/\/.*@/, '//')} (of the tests)`);
  await tryToInstall('pgbouncer', async () =>
    show('pgbouncer', await ensurePgBouncer((await ensureService('postgres')).url)),
  );
  await tryToInstall('postgres-18', async () => show('postgres-18', await ensurePostgres18()));
}
