import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findBrokers, mapbus, openBus, unique } from './support.ts';

const brokers = await findBrokers();

const folder = await mkdtemp(join(tmpdir(), 'mapbus-plan-'));
const moduleOf = async (code: string): Promise<string> => {
  const path = join(folder, `${unique('m')}.mjs`);
  await writeFile(path, code);
  return path;
};
const consumersOf = (service: string, name: string, ...more: string[]) =>
  moduleOf(`export const options = { service: '${service}', consumers: { expiresAfterMs: 600_000 } };
export default (bus) => {
  bus.consume('${name}', 'charge-card', () => { throw new Error('no handler is called'); });
  ${more.join('\n')}
};`);

describe.each(brokers)('mapbus plan over $kind', (broker) => {
  const { url } = broker;
  const deploy = async (service: string, names: string | string[]) => {
    const bus = await openBus(broker, service);
    bus.consume(names, 'charge-card', () => {});
    await bus.ready();
    return bus;
  };

  it('says what is missing, makes nothing, and ends with 3', async () => {
    const [service, name] = [unique('s'), unique('order.placed')];
    const module = await consumersOf(service, name);

    const first = await mapbus(url, 'plan', module);
    const second = await mapbus(url, 'plan', module, '--json');

    expect([first.code, second.code, first.err]).toEqual([3, 3, '']);
    expect(first.out).toContain('charge-card');
    const lines = first.out.trimEnd().split('\n');
    expect(lines.at(-1)).toMatch(/^1 consumer\. Missing: [1-9]\d*, different: 0, not planned: 0\.$/);
    const entries: { is: string; what: string }[] = JSON.parse(second.out).entries;
    const ofService = entries.filter(({ what }) => !what.startsWith('exchange'));
    expect(new Set(ofService.map(({ is }) => is))).toEqual(new Set(['missing']));
  });

  it('finds no difference after a deploy, and ends with 0', async () => {
    const [service, name] = [unique('s'), unique('order.placed')];
    await deploy(service, name);

    const { code, out } = await mapbus(url, 'plan', await consumersOf(service, name));

    expect([code, out.split('\n').filter((each) => each && !each.startsWith('='))]).toEqual([
      0,
      ['1 consumer. Missing: 0, different: 0, not planned: 0.'],
    ]);
  });

  it('names an event and a consumer that are not in the plan', async () => {
    const [service, name, other] = [unique('s'), unique('order.placed'), unique('order.paid')];
    const bus = await deploy(service, [name, other]);
    bus.consume(name, 'send-mail', () => {});
    await bus.ready();

    const { code, out } = await mapbus(url, 'plan', await consumersOf(service, name));

    const unplanned = out.split('\n').filter((each) => each.startsWith('- '));
    expect(code).toBe(3);
    expect(unplanned).toHaveLength(2);
    expect(unplanned.join()).toContain(other.slice(-8));
    expect(unplanned.join()).toMatch(/send-{1,2}mail/);
  });

  it('names an option that differs', async () => {
    const [service, name] = [unique('s'), unique('order.placed')];
    await deploy(service, name);
    const module = await moduleOf(`export default (bus) => {
  bus.consume('${name}', 'charge-card', () => {}, { expiresAfterMs: 1_200_000 });
};`);

    const { code, out } = await mapbus(url, 'plan', module, '--service', service);

    expect(code).toBe(3);
    expect(out.split('\n').filter((each) => each.startsWith('~ '))[0]).toMatch(/is \d+, planned \d+/);
  });

  it('asks no broker with --offline', async () => {
    const [service, name] = [unique('s'), unique('order.placed')];

    const { code, out } = await mapbus(broker.unreachable, 'plan', await consumersOf(service, name), '--offline');

    expect(code).toBe(0);
    expect(out.split('\n').length).toBeGreaterThan(3);
  });
});
