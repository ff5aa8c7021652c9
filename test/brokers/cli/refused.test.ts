import { describe, expect, it } from 'vitest';
import { findBrokers, mapbus } from './support.ts';

const brokers = await findBrokers();
const commands = [
  ['dead-letters', 'list', '--service', 'billing'],
  ['dead-letters', 'redrive', '--service', 'billing', '--all'],
  ['consumers', 'list', '--service', 'billing'],
  ['tail', 'order.*'],
];

const SYSTEMS = { rabbitmq: 'RabbitMQ', kafka: 'Kafka', postgres: 'Postgres' };

describe.each(brokers)('a command over $kind', ({ kind, url, refused, unreachable }) => {
  it.each(commands)('says that the broker refuses the credentials, and never the password: %s %s', async (...args) => {
    const { code, out, err } = await mapbus(refused, ...args);

    expect([code, out]).toEqual([4, '']);
    expect(err).toMatch(new RegExp(`^mapbus: ${SYSTEMS[kind]} refuses the connection: .+\\n$`));
    expect(err).not.toContain('wrong-secret');
  });

  it.each(commands)('says that nothing can be reached: %s %s', async (...args) => {
    const { code, out, err } = await mapbus(unreachable, ...args);

    expect([code, out]).toEqual([4, '']);
    expect(err).toMatch(new RegExp(`^mapbus: ${SYSTEMS[kind]} cannot be reached: .*ECONNREFUSED`));
    expect(err).not.toContain('wrong-secret');
  });

  it('takes the URL of --url before that of the environment', async () => {
    const { code } = await mapbus(unreachable, 'consumers', 'list', '--service', 'billing', '--url', url);

    expect(code).toBe(0);
  });
});

describe.each(brokers.filter(({ kind }) => kind === 'rabbitmq'))('a virtual host that is not there', ({ url }) => {
  it('says that it is refused', async () => {
    const { code, err } = await mapbus(`${url}/none`, 'consumers', 'list', '--service', 'billing');

    expect(code).toBe(4);
    expect(err).toMatch(/^mapbus: RabbitMQ refuses the connection: .*NOT_ALLOWED/);
  });
});
