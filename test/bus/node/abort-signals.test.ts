import { createEventBus } from 'mapbus';
import { expect, it } from 'vitest';

const collectWarnings = async (run: () => Promise<void>): Promise<string[]> => {
  const warnings: string[] = [];
  const keep = ({ name }: Error) => warnings.push(name);
  process.on('warning', keep);
  await run();
  await new Promise((resolve) => setImmediate(resolve));
  process.off('warning', keep);
  return warnings;
};

it('twenty handlers with a time limit, or with one signal, cause no warning of a leak', async () => {
  const warnings = await collectWarnings(async () => {
    const { subscribe, publish } = createEventBus<{ ping: number }>();
    const { signal } = new AbortController();
    for (let index = 0; index < 20; index++) {
      subscribe('ping', async (_, context) => context.signal.throwIfAborted(), { timeoutMs: 1_000, signal });
    }
    expect((await publish('ping', 1)).failures).toEqual([]);
  });

  expect(warnings).toEqual([]);
});

it('twenty handlers of one event that listen to its signal cause no warning of a leak', async () => {
  const warnings = await collectWarnings(async () => {
    const { subscribe, publish } = createEventBus<{ ping: number }>();
    for (let index = 0; index < 20; index++)
      subscribe('ping', (_, { signal }) => signal.addEventListener('abort', () => index));
    expect((await publish('ping', 1)).failures).toEqual([]);
  });

  expect(warnings).toEqual([]);
});

it('reading the signal of an event that has settled leaves nothing behind', async () => {
  const { subscribe, publish } = createEventBus<{ ping: number }>();
  const signals: WeakRef<AbortSignal>[] = [];
  subscribe('ping', (_, context) => {
    void Promise.resolve().then(() => signals.push(new WeakRef(context.signal)));
  });

  for (let index = 0; index < 100; index++) await publish('ping', index);
  for (let round = 0; round < 5; round++) {
    await new Promise((resolve) => setImmediate(resolve));
    globalThis.gc?.();
  }

  expect(signals).toHaveLength(100);
  // The last event may still be in a register.
  expect(signals.filter((signal) => signal.deref()).length).toBeLessThan(5);
});
