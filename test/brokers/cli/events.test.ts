import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { eventually, findBrokers, mapbus, openBus, start, unique } from './support.ts';

const brokers = await findBrokers();

/** A service that consumes two events. */
const openShop = async (broker: (typeof brokers)[number]) => {
  const suffix = unique('');
  const [service, placed, paid] = [unique('s'), `order.placed.${suffix}`, `order.paid.${suffix}`];
  const seen: { name: string; payload: unknown; id: string; source: string; key: string | undefined }[] = [];
  const bus = await openBus(broker, service);
  bus.consume([placed, paid], 'keep', ({ name, payload }, { id, source, key }) => {
    seen.push({ name, payload, id, source, key });
  });
  await bus.ready();
  return { bus, service, placed, paid, seen, suffix };
};

describe.each(brokers)('mapbus tail over $kind', (broker) => {
  const { url } = broker;

  it('shows the events of a pattern as they pass, takes none, and ends at Ctrl-C', async () => {
    const { bus, placed, paid, seen, suffix } = await openShop(broker);
    const { child, ended, says, lines } = start(url, ['tail', `order.*.${suffix}`]);
    await says('Listening. Ctrl-C ends.\n');
    let sent = 0;
    await eventually('the first event of each name', async () => {
      sent++;
      await bus.publish(placed, { n: 1, text: 'a\u001bb\nc' });
      await bus.publish(paid, { n: 2 });
      return [placed, paid].every((name) => lines().some((each) => each.includes(` ${name} `)));
    });

    child.kill('SIGINT');
    const { code, out } = await ended;

    expect(code).toBe(130);
    for (const each of out.trimEnd().split('\n'))
      expect(each).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z order\.\S+ [0-9a-f-]{36} \{"n":[12]/);
    await eventually('all events at the consumer', () => seen.length === 2 * sent);
  });

  it('prints the events of a name as JSON lines, and ends after so many', async () => {
    const { bus, placed, paid } = await openShop(broker);
    const { ended, says, lines } = start(url, ['tail', placed, '--json', '--limit', '2']);
    await says('Listening. Ctrl-C ends.\n');
    await eventually('two events', async () => {
      await bus.publish(paid, {});
      await bus.publish(placed, { n: 1 });
      return lines().length >= 2;
    });

    const { code, out } = await ended;

    const events = out
      .trimEnd()
      .split('\n')
      .map((each) => JSON.parse(each));
    expect(code).toBe(0);
    expect(events.map(({ type, data }) => [type, data])).toEqual([
      [placed, { n: 1 }],
      [placed, { n: 1 }],
    ]);
  });

  it('ends quietly when nobody reads any more', async () => {
    const { bus, placed } = await openShop(broker);
    const { child, ended, says } = start(url, ['tail', placed]);
    await says('Listening. Ctrl-C ends.\n');
    child.stdout?.destroy();

    let isOver = false;
    void ended.then(() => {
      isOver = true;
    });
    await eventually('the end', async () => {
      await bus.publish(placed, {});
      return isOver;
    });

    expect(await ended).toEqual({ code: 141, out: '', err: 'Listening. Ctrl-C ends.\n' });
  });
});

describe.each(brokers)('mapbus publish over $kind', (broker) => {
  const { url } = broker;

  it('publishes an event from standard input, and one from a file', async () => {
    const { placed, paid, seen } = await openShop(broker);
    const file = join(await mkdtemp(join(tmpdir(), 'mapbus-publish-')), 'event.json');
    await writeFile(file, '{"total":3}');

    const first = await start(url, ['publish', placed, '--json'], '{"orderId":"o-1"}').ended;
    const second = await mapbus(url, 'publish', paid, file, '--key', 'o-1', '--id', 'my-id', '--service', 'shop');

    const { id } = JSON.parse(first.out);
    expect([first.code, first.err, second.code, second.out]).toEqual([0, '', 0, `Published: ${paid} my-id\n`]);
    await eventually('both events', () => seen.length === 2);
    expect(seen.toSorted((a, b) => (a.name < b.name ? 1 : -1))).toEqual([
      { name: placed, payload: { orderId: 'o-1' }, id, source: '/mapbus-cli', key: undefined },
      { name: paid, payload: { total: 3 }, id: 'my-id', source: '/shop', key: 'o-1' },
    ]);
  });

  it('publishes a whole event as it is', async () => {
    const { placed, seen } = await openShop(broker);
    const event = { specversion: '1.0', id: 'e-1', source: '/elsewhere', type: placed, partitionkey: 'k', data: [1] };

    const { code, out } = await start(url, ['publish', '--cloud-event'], JSON.stringify(event)).ended;

    expect([code, out]).toEqual([0, `Published: ${placed} e-1\n`]);
    await eventually('the event', () => seen.length === 1);
    expect(seen).toEqual([{ name: placed, payload: [1], id: 'e-1', source: '/elsewhere', key: 'k' }]);
  });

  it('publishes nothing that is no JSON', async () => {
    const { placed } = await openShop(broker);

    const { code, err } = await start(url, ['publish', placed], '{"orderId":').ended;

    expect(code).toBe(2);
    expect(err).toMatch(/^mapbus: publish: expected a payload in JSON: /);
  });
});
