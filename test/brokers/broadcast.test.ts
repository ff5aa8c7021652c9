import { describe, expect, it } from 'vitest';
import { ensureService } from '../../scripts/services/main.ts';
import { openBus, publishAll, unique, until } from '../faults/support.ts';
import { available } from './support.ts';

describe.each(await available(['rabbitmq', 'kafka']))('a broadcast over %s', async (kind) => {
  const { url } = await ensureService(kind);
  const busUrl = kind === 'kafka' ? `kafka://${url}` : url;

  it('reaches every process of a service, and a failed handler is tried again in its own', async () => {
    const name = unique('told');
    const service = unique('caches');
    const open = async () => {
      const bus = await openBus(`${busUrl}?broadcast=true&retryDelayMs=50`, service);
      const seen = new Set<unknown>();
      let failures = 0;
      bus.subscribe(
        name,
        (payload) => {
          const { index } = payload as { index: number };
          if (index === 0 && failures++ === 0) throw new Error('first attempt');
          seen.add(index);
        },
        { name: 'keep' },
      );
      await bus.ready();
      return { bus, seen, failures: () => failures };
    };
    const processes = await Promise.all([open(), open(), open()]);
    const writer = await openBus(busUrl, unique('shop'));

    await publishAll(writer, name, 20);

    await until('20 events in each', () => processes.every(({ seen }) => seen.size === 20), 30_000);
    for (const { failures } of processes) expect(failures()).toBeGreaterThanOrEqual(2);
    await Promise.all([writer.close(), ...processes.map(({ bus }) => bus.close())]);
  }, 60_000);
});
