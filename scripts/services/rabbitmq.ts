import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { apt } from '../apt.ts';
import type { BrokerKind } from './broker.ts';

const port = 15_772;
const server = '/usr/lib/rabbitmq/bin/rabbitmq-server';

// Ports and names of its own, so that it meets no other node of the machine: two nodes may share neither the
// distribution port nor the port mapper, and without the interface it would listen for the world.
const environment = (folder: string): NodeJS.ProcessEnv => ({
  RABBITMQ_NODENAME: 'mapbus@localhost',
  RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
  RABBITMQ_NODE_PORT: String(port),
  RABBITMQ_DIST_PORT: String(port + 1),
  ERL_EPMD_PORT: String(port + 2),
  ERL_EPMD_ADDRESS: '127.0.0.1',
  RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
  RABBITMQ_MNESIA_BASE: join(folder, 'data'),
  RABBITMQ_LOG_BASE: join(folder, 'log'),
  RABBITMQ_PID_FILE: join(folder, 'pid'),
  RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
  RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
  RABBITMQ_CONF_ENV_FILE: join(folder, 'env.conf'),
  HOME: folder,
});

/** RabbitMQ from Debian's package. */
export const rabbitmq: BrokerKind = {
  name: 'rabbitmq',
  port,
  // A protocol header is answered by a method frame, whose type is 1.
  probe: { send: Buffer.from('AMQP\0\0\x09\x01', 'latin1'), answer: Buffer.from([1]) },
  install: () => {
    if (!existsSync(server)) apt('rabbitmq-server');
  },
  prepare: (folder) => {
    for (const name of ['data', 'log']) mkdirSync(join(folder, name), { recursive: true });
    const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
    write('env.conf', '');
    write('enabled_plugins', '[].');
    write('rabbitmq.conf', `listeners.tcp.1 = 127.0.0.1:${port}\nheartbeat = 10\ndisk_free_limit.absolute = 50MB\n`);
    return { command: server, args: [], env: environment(folder) };
  },
};

const execute = promisify(execFile);

/**
 * Runs the broker's own tool; `close_all_connections` is a cut that the broker makes. It may take seconds, in which this
 * process has heartbeats to send.
 */
export const rabbitmqctl = async (folder: string, ...args: readonly string[]): Promise<string> => {
  const env = { ...process.env, ...environment(folder) };
  const { stdout } = await execute('/usr/lib/rabbitmq/bin/rabbitmqctl', ['-q', ...args], { encoding: 'utf8', env });
  return stdout;
};
