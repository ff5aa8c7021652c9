import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { apt } from '../apt.ts';
import type { BrokerKind } from './broker.ts';

const port = 15_790;
const bin = '/usr/lib/postgresql/15/bin';

/** The server does not run as root. */
const isRoot = process.getuid?.() === 0;
const asServer = (command: string, ...args: readonly string[]): [command: string, ...args: string[]] =>
  isRoot ? ['runuser', '-u', 'postgres', '--', command, ...args] : [command, ...args];

const idOf = (which: '-u' | '-g') => Number(execFileSync('id', [which, 'postgres'], { encoding: 'utf8' }));

const startup = (): Buffer => {
  const words = Buffer.from('user\0postgres\0database\0postgres\0\0', 'latin1');
  const head = Buffer.alloc(8);
  head.writeInt32BE(words.length + head.length, 0);
  // Version 3.0 of the protocol.
  head.writeInt32BE(3 << 16, 4);
  return Buffer.concat([head, words]);
};

const settings = {
  port: String(port),
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  // A process that is killed leaves its writes with the system, which is not killed here.
  fsync: 'off',
};

/** Postgres from Debian's package, beside a server of the machine. */
export const postgres: BrokerKind = {
  name: 'postgres',
  port,
  // A server that takes connections asks for authentication, or says that none is needed.
  probe: { send: startup(), answer: Buffer.from('R') },
  install: () => {
    if (!existsSync(bin)) apt('postgresql-15');
  },
  prepare: (folder) => {
    const data = join(folder, 'data');
    if (!existsSync(join(data, 'PG_VERSION'))) {
      mkdirSync(data, { recursive: true });
      // It writes its pid beside its data.
      if (isRoot) for (const path of [folder, data]) chownSync(path, idOf('-u'), idOf('-g'));
      const [command, ...args] = asServer(
        `${bin}/initdb`,
        '-D',
        data,
        '-U',
        'postgres',
        '-A',
        'trust',
        '-E',
        'UTF8',
        '--no-sync',
      );
      execFileSync(command, args, {
        stdio: 'ignore',
        cwd: folder,
        env: { ...process.env, LC_ALL: 'C.UTF-8', HOME: userInfo().homedir },
      });
    }
    const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const [command, ...args] = asServer(
      'sh',
      '-c',
      'echo $$ > pid; exec "$@"',
      'postgres',
      `${bin}/postgres`,
      '-D',
      data,
      ...options,
    );
    return { command, args };
  },
};
