import { describe, expect, it } from 'vitest';
import { eventually, findBrokers, mapbus, openBus, openConnection, unique } from './support.ts';

const brokers = await findBrokers();

describe.each(brokers)('mapbus consumers over $kind', (broker) => {
  const { url } = broker;
  const list = async (service: string, ...more: string[]) => {
    const { code, out } = await mapbus(url, 'consumers', 'list', '--service', service, '--json', ...more);
    expect(code).toBe(0);
    return JSON.parse(out).consumers as { consumer: string; state: string; waiting: number; names: string[] }[];
  };
  const openTwo = async () => {
    const [service, name] = [unique('s'), unique('order.placed')];
    const [one, other] = [
      await openBus(broker, service, { expiresAfterMs: 120_000 }),
      await openBus(broker, service, { expiresAfterMs: 120_000 }),
    ];
    one.consume(name, 'charge-card', () => {});
    other.consume(name, 'send-mail', () => {});
    await Promise.all([one.ready(), other.ready()]);
    await eventually('both', async () => (await list(service)).every(({ state }) => state === 'running'));
    return { service, name, one, other };
  };

  it('lists what runs, and the orphans with what waits for them', async () => {
    const { service, name, one, other } = await openTwo();
    await one.close();
    await other.publish(name, {});
    await eventually('the orphan', async () => (await list(service, '--orphans')).length === 1);

    const found = await list(service);
    const { out } = await mapbus(url, 'consumers', 'list', '--service', service);

    expect(found.map(({ consumer, state, waiting }) => [consumer, state, waiting])).toEqual([
      ['charge-card', 'orphan', 1],
      ['send-mail', 'running', 0],
    ]);
    const [head = '', first = ''] = out.split('\n');
    expect(head.split(/ {2,}/)).toEqual(['CONSUMER', 'STATE', 'PROCESSES', 'WAITING', 'LAST SEEN', 'EVENTS']);
    expect(first.split(/ {2,}/)).toEqual([
      'charge-card',
      'orphan',
      broker.kind === 'postgres' ? '?' : '0',
      '1',
      expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      name,
    ]);
  });

  it('removes an orphan, and no consumer that is run', async () => {
    const { service, name, one, other } = await openTwo();
    await one.close();
    await other.publish(name, {});
    await eventually('the orphan', async () => (await list(service, '--orphans')).length === 1);
    const remove = (consumer: string, ...more: string[]) =>
      mapbus(url, 'consumers', 'remove', consumer, '--service', service, ...more);

    const unsaid = await remove('charge-card');
    const dry = await remove('charge-card', '--dry-run');
    const run = await remove('send-mail', '--yes');
    const missing = await remove('print', '--yes');
    const kept = await list(service);
    const removed = await remove('charge-card', '--yes');

    expect([unsaid.code, run.code, missing.code]).toEqual([2, 1, 1]);
    expect(run.err).toBe('mapbus: A process runs the consumer send-mail. Nothing was done\n');
    expect(missing.err).toBe('mapbus: There is no consumer "print"\n');
    expect(dry.out).toBe('Would remove the consumer charge-card with 1 waiting event. Nothing was done.\n');
    expect(kept).toHaveLength(2);
    expect(removed).toEqual({
      code: 0,
      out: 'Removed: the consumer charge-card with 1 waiting event. Its dead letters are kept.\n',
      err: '',
    });
    expect((await list(service)).map(({ consumer }) => consumer)).toEqual(['send-mail']);
  });

  it('of a service that is not there are none, and none is made', async () => {
    const service = unique('s');

    expect(await mapbus(url, 'consumers', 'list', '--service', service)).toEqual({
      code: 0,
      out: '',
      err: 'No consumers.\n',
    });
    const connection = await openConnection(broker, service);
    expect(await connection.operator?.compare([])).toEqual(
      broker.kind === 'rabbitmq' ? [{ what: 'exchange mapbus.events', is: 'present', detail: undefined }] : [],
    );
  });
});
