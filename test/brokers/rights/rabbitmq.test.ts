import { describe, expect, it, onTestFinished } from 'vitest';
import { cases, runCase } from '../cli/rights.ts';
import { findBrokers, openDead, unique } from '../cli/support.ts';
import { ctl, openHost } from '../rabbitmq/support.ts';

describe.each(await findBrokers())('the rights of an operator at $kind', (broker) => {
  it.each(cases)('that are named are enough for $args', async (each) => {
    const host = await openHost('rights');
    onTestFinished(async () => void (await host.close()), 60_000);
    const { bus, service, name } = await openDead({ ...broker, url: host.url }, 1);
    await bus.close();
    const user = unique('operator');
    await ctl('add_user', user, 'secret');
    onTestFinished(async () => void (await ctl('delete_user', user)), 60_000);
    await ctl('set_permissions', '-p', host.host, user, ...each.rabbitmq);

    const { code, err } = await runCase(
      host.url.replace('guest:guest', `${user}:secret`),
      host.url,
      each,
      service,
      name,
    );

    expect([code, code === 0 ? '' : err]).toEqual([0, '']);
  });
});
