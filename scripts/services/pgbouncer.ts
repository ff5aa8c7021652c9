import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { apt } from '../apt.ts';
import { type BrokerKind, createBroker, folderOf } from './broker.ts';
import { asServer, giveToServer, startup } from './postgres.ts';

const port = 15_792;
const program = '/usr/sbin/pgbouncer';

/** A server gives a connection to each transaction, not to each client. */
const configuration = (server: URL): string => `[databases]
* = host=${server.hostname} port=${server.port} user=${server.username || 'postgres'}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
max_client_conn = 300
default_pool_size = 20
ignore_startup_parameters = extra_float_digits
`;

const kindFor = (server: URL): BrokerKind => ({
  name: 'pgbouncer',
  port,
  probe: { send: startup(), answer: Buffer.from('R') },
  install: () => {
    if (!existsSync(program)) apt('pgbouncer');
  },
  prepare: (folder) => {
    mkdirSync(folder, { recursive: true });
    const file = join(folder, 'pgbouncer.ini');
    writeFileSync(file, configuration(server));
    // It writes its pid here.
    giveToServer(folder);
    const [command, ...args] = asServer('sh', '-c', 'echo $$ > pid; exec "$@"', 'pgbouncer', program, file);
    return { command, args };
  },
});

/** Starts PgBouncer in front of a server, if it does not run. Gives the address of the same database through it. */
export const ensurePgBouncer = async (url: string): Promise<string> => {
  const kind = kindFor(new URL(url));
  kind.install(folderOf(kind.name));
  await createBroker(kind).start();
  const through = new URL(url);
  through.port = String(port);
  return through.href;
};
