import { Client } from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { cases, runCase } from '../cli/rights.ts';
import { findBrokers, openDead, unique } from '../cli/support.ts';

describe.each(await findBrokers())('the rights of an operator at $kind', (broker) => {
  it.each(cases)('that are named are enough for $args', async (each) => {
    const { bus, service, name } = await openDead(broker, 1);
    await bus.close();
    const role = unique('operator');
    const client = new Client(broker.url);
    await client.connect();
    onTestFinished(async () => {
      await client.query(`DROP OWNED BY ${role}`);
      await client.query(`DROP ROLE ${role}`);
      await client.end();
    });
    await client.query(`CREATE ROLE ${role} LOGIN`);
    const always = ['GRANT USAGE ON SCHEMA mapbus TO', 'GRANT SELECT ON mapbus.version TO'];
    for (const grant of [...always, ...each.postgres]) await client.query(`${grant} ${role}`);
    if (each.args[1] === 'remove')
      await client.query("UPDATE mapbus.consumer SET seen_at = now() - interval '1 minute' WHERE service = $1", [
        service,
      ]);

    const url = broker.url.replace('postgres@', `${role}@`);
    const { code, err } = await runCase(url, broker.url, each, service, name);

    expect([code, code === 0 ? '' : err]).toEqual([0, '']);
  });
});
