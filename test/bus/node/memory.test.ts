import { createEventBus, eventsOf } from 'mapbus';
import { describe, expect, it } from 'vitest';

const collect = async () => {
  for (let round = 0; round < 6; round++) {
    globalThis.gc?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return process.memoryUsage().heapUsed;
};

describe('100,000 publishes that nobody awaits, with failing handlers', () => {
  it('cause no unhandled rejection and leave no memory behind', async () => {
    expect(globalThis.gc).toBeTypeOf('function');
    const rejections: unknown[] = [];
    const onRejection = (reason: unknown) => rejections.push(reason);
    process.on('unhandledRejection', onRejection);
    let warnings = 0;
    const logger = {
      debug: () => {},
      warn: () => {
        warnings++;
      },
      error: () => {},
    };
    const { subscribe, publish, idle } = createEventBus<{ e: number }>({ logger, logPublish: () => false });
    subscribe('e', () => {
      throw new Error('sync');
    });
    subscribe('e', async () => {
      throw new Error('async');
    });
    subscribe('e', async () => {}, { timeoutMs: 60_000 });
    subscribe('e', async (_, { signal }) => signal.throwIfAborted());
    const burst = async (size: number) => {
      for (let value = 0; value < size; value++) void publish('e', value);
      await idle();
    };
    // Compilers and caches fill the heap too, at first.
    for (let round = 0; round < 3; round++) await burst(10_000);
    const before = await collect();

    for (let round = 0; round < 10; round++) await burst(10_000);
    const after = await collect();
    process.off('unhandledRejection', onRejection);

    expect(warnings).toBe(260_000);
    expect(rejections).toEqual([]);
    // One object kept for each publish would be 30 % or more.
    expect(after / before).toBeLessThan(1.05);
  }, 60_000);
});

describe('an eventsOf loop that is always one event behind', () => {
  it('keeps none of the events that it has given', async () => {
    const bus = createEventBus<{ e: { value: number } }>();
    const events = eventsOf(bus, 'e');
    const run = async (size: number) => {
      for (let value = 0; value < size; value++) {
        void bus.publish('e', { value });
        await events.next();
      }
    };
    void bus.publish('e', { value: -1 });
    await run(50_000);
    const before = await collect();

    await run(200_000);
    const after = await collect();

    expect(await events.next()).toEqual({ done: false, value: { value: 199_999 } });
    // One word kept for each event would be 1.6 MB.
    expect(after - before).toBeLessThan(1_000_000);
  }, 60_000);
});
