import { execFile } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { counts, createServiceBus, memory, metricsOf } from 'mapbus/service';
import { describe, expect, it } from 'vitest';
import { writeSamples } from '../../scripts/readme.ts';
import { ensurePython } from '../../scripts/services/python.ts';
import { tryToInstall } from '../../scripts/try-to-install.ts';

const hasPython = await tryToInstall('Python with the client of Prometheus', ensurePython);
const pathOf = (path: string) => fileURLToPath(new URL(path, import.meta.url));

writeSamples();
const { serveMetrics } = await import(/* @vite-ignore */ pathOf('../generated/operating/prometheus.ts'));

describe.runIf(hasPython || process.env.CI)('the client of Prometheus for Python', () => {
  it('reads what the recipe serves', async () => {
    const numbers = counts();
    const bus = createServiceBus<{ 'order.placed': { total: number }; 'a"b\\c\nd': undefined }>({
      service: 'shop',
      transport: memory(),
      sends: ['order.placed'],
      observers: [numbers.observer],
    });
    bus.consume('order.placed', 'charge-card', () => {});
    await bus.ready();
    await bus.publish('order.placed', { total: 3 });
    await bus.publish('a"b\\c\nd');
    await bus.idle();
    const snapshot = numbers.snapshot(bus);
    const server = serveMetrics(() => snapshot, 0);
    await once(server, 'listening');

    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const env = { ...process.env, PYTHONPATH: ensurePython() };
    const { stdout } = await promisify(execFile)('python3', [pathOf('prometheus.py'), url], { env });
    server.close();
    await bus.close();

    const expected = metricsOf(snapshot).flatMap(({ type, samples }) =>
      samples.map(({ name, labels, value }) => [type, name, labels, value]),
    );
    expect(JSON.parse(stdout)).toEqual(expected);
  });
});
