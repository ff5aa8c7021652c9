import { expect, it } from 'vitest';
import { scaled } from './scale.ts';
import { after, openBus, publishAll, report, type Site, unique, until } from './support.ts';

/** What stays of events in the memory of a process. */
export const testMemory = ({ kind, openProxy }: Site): void => {
  it('memory stays flat', async () => {
    const name = unique('endless');
    const { proxy, url } = await openProxy();
    const bus = await openBus(url, unique('billing'));
    let seen = 0;
    bus.consume(name, 'count', () => void seen++, { concurrency: 100 });
    await bus.ready();
    const burst = async (count: number) => {
      const before = seen;
      await publishAll(bus, name, count);
      proxy.cut();
      await until('the burst', () => seen >= before + count);
      await after(500);
      globalThis.gc?.();
      return process.memoryUsage().heapUsed;
    };
    const total = scaled(200_000);
    const first = await burst(total / 10);
    let last = 0;
    for (let round = 1; round < 10; round++) last = await burst(total / 10);

    report(`${kind}, memory over ${total} events and 10 cuts`, {
      firstMb: (first / 1e6).toFixed(1),
      lastMb: (last / 1e6).toFixed(1),
    });
    expect(last / first).toBeLessThan(1.15);
    await bus.close();
  });
};
