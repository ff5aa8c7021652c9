import { type Ended, mapbus, start } from './support.ts';

/** A command, and what it needs at the broker. */
export interface Case {
  readonly args: readonly string[];
  /** What the user may do: on RabbitMQ to configure, to write and to read; on Postgres by statements. */
  readonly rabbitmq: readonly [string, string, string];
  readonly postgres: readonly string[];
}

const onTables = (rights: string, ...tables: string[]) =>
  `GRANT ${rights} ON ${tables.map((table) => `mapbus.${table}`).join(', ')} TO`;

/** The table of docs/command-line.md. */
export const cases: Case[] = [
  {
    args: ['dead-letters', 'list'],
    rabbitmq: ['^mapbus\\.look\\.', '^$', '^mapbus\\.dead\\.'],
    postgres: [onTables('SELECT', 'dead_letter')],
  },
  {
    args: ['dead-letters', 'redrive', '--all'],
    rabbitmq: ['^mapbus\\.look\\.', '^amq\\.default$', '^mapbus\\.(dead|names)\\.'],
    postgres: [
      onTables('SELECT, DELETE', 'dead_letter'),
      onTables('SELECT', 'consumer', 'former_name'),
      onTables('INSERT', 'event', 'delivery'),
      'GRANT USAGE ON SEQUENCE mapbus.next_event_id TO',
    ],
  },
  {
    args: ['dead-letters', 'discard', '--all', '--yes'],
    rabbitmq: ['^mapbus\\.look\\.', '^$', '^mapbus\\.dead\\.'],
    postgres: [onTables('SELECT, DELETE', 'dead_letter')],
  },
  {
    args: ['consumers', 'list'],
    rabbitmq: ['^$', '^$', '^mapbus\\.(consumers|names)\\.'],
    postgres: [onTables('SELECT', 'consumer', 'subscription', 'delivery')],
  },
  {
    args: ['consumers', 'remove', 'charge-card', '--yes'],
    rabbitmq: ['^mapbus\\.(queue|retry|names)\\.', '^amq\\.default$', '^mapbus\\.(consumers|names)\\.'],
    postgres: [onTables('SELECT, DELETE', 'consumer', 'subscription', 'former_name', 'delivery', 'event')],
  },
  {
    args: ['publish'],
    rabbitmq: ['^mapbus\\.events$', '^mapbus\\.events$', '^$'],
    postgres: [
      onTables('SELECT', 'consumer', 'subscription'),
      onTables('INSERT', 'event', 'delivery'),
      'GRANT USAGE ON SEQUENCE mapbus.next_event_id TO',
    ],
  },
  {
    args: ['tail', '--limit', '1'],
    rabbitmq: ['^mapbus\\.tail\\.', '^mapbus\\.tail\\.', '^mapbus\\.(events$|tail\\.)'],
    postgres: [
      onTables('SELECT, INSERT, UPDATE, DELETE', 'consumer', 'subscription', 'former_name', 'delivery', 'event'),
    ],
  },
];

/** Runs a command of the table. A tail gets events from another user. */
export const runCase = async (
  url: string,
  publisherUrl: string,
  { args }: Case,
  service: string,
  name: string,
): Promise<Ended> => {
  if (args[0] === 'publish') return mapbus(url, 'publish', name);
  if (args[0] !== 'tail') return mapbus(url, ...args, '--service', service);
  const { ended, says, lines } = start(url, ['tail', name, '--limit', '1']);
  await Promise.race([says('Listening.'), ended]);
  for (let tries = 0; tries < 50 && lines().length === 0; tries++) await mapbus(publisherUrl, 'publish', name);
  return ended;
};
