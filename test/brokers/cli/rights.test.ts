import { Client } from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ctl, openHost } from '../rabbitmq/support.ts';
import { findBrokers, mapbus, openDead, start, unique } from './support.ts';

const brokers = await findBrokers();

interface Case {
  readonly args: readonly string[];
  /** What the user may do: on RabbitMQ to configure, to write and to read; on Postgres by statements. */
  readonly rabbitmq: readonly [string, string, string];
  readonly postgres: readonly string[];
}

const onTables = (rights: string, ...tables: string[]) =>
  `GRANT ${rights} ON ${tables.map((table) => `mapbus.${table}`).join(', ')} TO`;

/** The table of docs/command-line.md. */
const cases: Case[] = [
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

const run = async (url: string, publisherUrl: string, { args }: Case, service: string, name: string) => {
  if (args[0] === 'publish') return mapbus(url, 'publish', name);
  if (args[0] !== 'tail') return mapbus(url, ...args, '--service', service);
  const { ended, says, lines } = start(url, ['tail', name, '--limit', '1']);
  await Promise.race([says('Listening.'), ended]);
  for (let tries = 0; tries < 50 && lines().length === 0; tries++) await mapbus(publisherUrl, 'publish', name);
  return ended;
};

const rabbit = brokers.find(({ kind }) => kind === 'rabbitmq');
const database = brokers.find(({ kind }) => kind === 'postgres');

describe.runIf(rabbit !== undefined)('the rights at RabbitMQ', () => {
  it.each(cases)('that are named are enough for $args', async (each) => {
    if (!rabbit) return;
    const host = await openHost('rights');
    onTestFinished(() => host.close(), 60_000);
    const { bus, service, name } = await openDead({ ...rabbit, url: host.url }, 1);
    await bus.close();
    const user = unique('operator');
    ctl('add_user', user, 'secret');
    onTestFinished(() => void ctl('delete_user', user), 60_000);
    ctl('set_permissions', '-p', host.host, user, ...each.rabbitmq);

    const { code, err } = await run(host.url.replace('guest:guest', `${user}:secret`), host.url, each, service, name);

    expect([code, code === 0 ? '' : err]).toEqual([0, '']);
  });
});

describe.runIf(database !== undefined)('the rights at Postgres', () => {
  it.each(cases)('that are named are enough for $args', async (each) => {
    if (!database) return;
    const { bus, service, name } = await openDead(database, 1);
    await bus.close();
    const role = unique('operator');
    const client = new Client(database.url);
    await client.connect();
    onTestFinished(async () => {
      await client.query(`DROP OWNED BY ${role}`);
      await client.query(`DROP ROLE ${role}`);
      await client.end();
    });
    await client.query(`CREATE ROLE ${role} LOGIN`);
    for (const grant of ['GRANT USAGE ON SCHEMA mapbus TO', ...each.postgres]) await client.query(`${grant} ${role}`);
    if (each.args[1] === 'remove')
      await client.query("UPDATE mapbus.consumer SET seen_at = now() - interval '1 minute' WHERE service = $1", [
        service,
      ]);

    const url = database.url.replace('postgres@', `${role}@`);
    const { code, err } = await run(url, database.url, each, service, name);

    expect([code, code === 0 ? '' : err]).toEqual([0, '']);
  });
});
