import { AsyncLocalStorage } from 'node:async_hooks';
import fc from 'fast-check';
import { createEventBus, type EventContext } from 'mapbus';
import { describe, expect, it } from 'vitest';

interface Events {
  ping: number;
  pong: number;
}

const createStoredBus = () =>
  createEventBus<Events, { id: number }>({ contextStorage: new AsyncLocalStorage<EventContext>() });

describe('with an AsyncLocalStorage', () => {
  it('getMetadata and getSession are right everywhere below a handler', async () => {
    const { subscribe, publish, getMetadata, getSession } = createStoredBus();
    const seen: unknown[] = [];
    const deeper = async () => {
      await new Promise((resolve) => setTimeout(resolve));
      seen.push(getMetadata(), getSession());
    };
    subscribe('ping', async () => {
      await undefined;
      await deeper();
    });

    await publish('ping', 1, { metadata: { trace_id: 'a' }, session: { id: 1 } });

    expect(seen).toEqual([{ trace_id: 'a' }, { id: 1 }]);
    expect(getMetadata()).toEqual({});
    expect(getSession()).toBeUndefined();
  });

  it('a handler with a time limit has them too', async () => {
    const { subscribe, publish, getMetadata } = createStoredBus();
    let seen: unknown;
    subscribe(
      'ping',
      async () => {
        await undefined;
        seen = getMetadata();
      },
      { timeoutMs: 1_000 },
    );

    await publish('ping', 1, { metadata: { trace_id: 'a' } });

    expect(seen).toEqual({ trace_id: 'a' });
  });

  it('no interleaving shows a handler the publish of another', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.integer({ min: 1, max: 8 }), async (scheduler, count) => {
        const { subscribe, publish, getMetadata, getSession } = createStoredBus();
        const check = (value: number) => {
          expect(getMetadata()).toEqual({ trace_id: String(value) });
          expect(getSession()).toEqual({ id: value });
        };
        const options = (value: number) => ({ metadata: { trace_id: String(value) }, session: { id: value } });
        subscribe('ping', async (value) => {
          await scheduler.schedule(Promise.resolve());
          check(value);
          const { failures } = await publish('pong', value + 100, options(value + 100));
          expect(failures).toEqual([]);
          check(value);
        });
        subscribe('pong', async (value) => {
          check(value);
          await scheduler.schedule(Promise.resolve());
          check(value);
        });

        const publishes = Promise.all(
          Array.from({ length: count }, (_, value) => publish('ping', value, options(value))),
        );
        await scheduler.waitFor(publishes);

        expect((await publishes).flatMap(({ failures }) => failures)).toEqual([]);
      }),
    );
  });
});
