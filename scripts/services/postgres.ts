import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { apt } from '../apt.ts';
import type { BrokerKind } from './broker.ts';

/** What differs between servers. */
interface PostgresParts {
  readonly name: string;
  readonly port: number;
  /** The folder of `postgres` and `initdb`. */
  readonly bin: (folder: string) => string;
  readonly install: () => void;
  readonly settings?: Readonly<Record<string, string>>;
}

const isRoot = process.getuid?.() === 0;
/** The server does not run as root. */
export const asServer = (command: string, ...args: readonly string[]): [command: string, ...args: string[]] =>
  isRoot ? ['runuser', '-u', 'postgres', '--', command, ...args] : [command, ...args];

const idOf = (which: '-u' | '-g') => Number(execFileSync('id', [which, 'postgres'], { encoding: 'utf8' }));

/** Lets the user of the server write into folders. */
export const giveToServer = (...folders: readonly string[]): void => {
  if (isRoot) for (const folder of folders) chownSync(folder, idOf('-u'), idOf('-g'));
};

/** Asks for a connection. */
export const startup = (): Buffer => {
  const words = Buffer.from('user\0postgres\0database\0postgres\0\0', 'latin1');
  const head = Buffer.alloc(8);
  head.writeInt32BE(words.length + head.length, 0);
  // Version 3.0 of the protocol.
  head.writeInt32BE(3 << 16, 4);
  return Buffer.concat([head, words]);
};

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  // A process that is killed leaves its writes with the system, which is not killed here.
  fsync: 'off',
};

const initialise = (bin: string, folder: string, data: string): void => {
  mkdirSync(data, { recursive: true });
  // It writes its pid beside its data.
  giveToServer(folder, data);
  const options = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync'];
  const [command, ...args] = asServer(`${bin}/initdb`, ...options);
  execFileSync(command, args, {
    stdio: 'ignore',
    cwd: folder,
    env: { ...process.env, LC_ALL: 'C.UTF-8', HOME: userInfo().homedir },
  });
};

/** A server of Postgres, beside one of the machine. */
export const createPostgres = ({ name, port, bin, install, settings }: PostgresParts): BrokerKind => ({
  name,
  port,
  // A server that takes connections asks for authentication, or says that none is needed.
  probe: { send: startup(), answer: Buffer.from('R') },
  install,
  prepare: (folder) => {
    const data = join(folder, 'data');
    if (!existsSync(join(data, 'PG_VERSION'))) initialise(bin(folder), folder, data);
    const all = { port: String(port), ...SETTINGS, ...settings };
    const options = Object.entries(all).flatMap(([option, value]) => ['-c', `${option}=${value}`]);
    const start = 'echo $$ > pid; exec "$@"';
    const [command, ...args] = asServer('sh', '-c', start, name, `${bin(folder)}/postgres`, '-D', data, ...options);
    return { command, args };
  },
});

const DEBIAN_BIN = '/usr/lib/postgresql/15/bin';
const installDebian = () => {
  if (!existsSync(DEBIAN_BIN)) apt('postgresql-15');
};

/** Postgres 15 from Debian's package. */
export const postgres = createPostgres({
  name: 'postgres',
  port: 15_790,
  bin: () => DEBIAN_BIN,
  install: installDebian,
});

/** The same for tests that kill it, while others use the one above. */
export const postgresForFaults = createPostgres({
  name: 'postgres-faults',
  port: 15_795,
  bin: () => DEBIAN_BIN,
  install: installDebian,
});

/** The same for measurements: it writes to the disk as in production, and does what it can to be alike in each run. */
export const postgresForBench = createPostgres({
  name: 'postgres-bench',
  port: 15_791,
  bin: () => DEBIAN_BIN,
  install: installDebian,
  settings: { fsync: 'on', max_wal_size: '4GB' },
});
