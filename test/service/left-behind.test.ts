import { createServiceBus, memory } from 'mapbus/service';
import type { Deliver, Transport } from 'mapbus/transport';
import { describe, expect, it } from 'vitest';
import { createFakeTransport, FEATURES } from './support.ts';

interface Events {
  'order.placed': { total: number };
}

const createShop = (transport: Transport = memory()) =>
  createServiceBus<Events>({
    service: 'shop',
    transport,
    sends: 'all',
    logger: { debug: () => {}, warn: () => {}, error: () => {} },
  });

describe('an attempt that has ended', () => {
  it('leaves nothing behind when its signal is read later', async () => {
    const hub = memory();
    const delivers: Deliver[] = [];
    const shop = createShop({
      connect: (context) => ({
        ...hub.connect(context),
        consume: async (_, deliver) => {
          delivers.push(deliver);
          return { stop: async () => {} };
        },
      }),
    });
    const contexts: { readonly signal: AbortSignal }[] = [];
    shop.consume('order.placed', 'charge', (_, context) => void contexts.push(context));
    await shop.ready();
    let listeners = 0;
    const { signal } = new AbortController();
    const add = signal.addEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners++;
      add(...args);
    };
    const body = JSON.stringify({
      specversion: '1.0',
      id: '1',
      source: '/x',
      type: 'order.placed',
      data: { total: 3 },
    });
    await delivers[0]?.({ body, headers: {}, key: undefined, attempt: 1, deliveries: undefined, signal });

    const late = contexts[0]?.signal;

    expect(late?.aborted).toBe(false);
    expect(listeners).toBe(0);
    await shop.close();
  });
});

/** Waits until all that can be collected is collected, and counts the rest. */
const countKept = async (refs: readonly WeakRef<object>[], expected: number): Promise<number> => {
  const count = () => refs.filter((ref) => ref.deref() !== undefined).length;
  for (let turn = 0; turn < 20 && count() > expected; turn++) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    globalThis.gc?.();
  }
  return count();
};

describe('a session that a pool lends again and again', () => {
  it('keeps nothing of the publishes that have settled', async () => {
    const { transport } = createFakeTransport({ features: { ...FEATURES, enlists: true } });
    const shop = createServiceBus<Events, object>({ service: 'shop', transport, sends: 'all' });
    const session = {};
    const results: WeakRef<object>[] = [];
    for (let n = 0; n < 200; n++)
      results.push(new WeakRef(await shop.publish('order.placed', { total: n }, { session })));

    // The last one may be on the stack.
    expect(await countKept(results, 1)).toBeLessThanOrEqual(1);
    await shop.close();
  });
});

describe('memory()', () => {
  it('says since when it is not connected', async () => {
    const shop = createShop();
    const { since } = shop.health();
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });

    await shop.close();

    expect(shop.health().connected).toBe(false);
    expect(shop.health().since.getTime()).toBeGreaterThan(since.getTime());
  });

  it('forgets the handler of a consumer that has stopped', async () => {
    const shop = createShop();
    const consumeOnce = async () => {
      const handler = () => {};
      const stop = shop.consume('order.placed', 'charge', handler);
      await shop.ready();
      stop();
      return new WeakRef(handler);
    };

    const handler = await consumeOnce();

    expect(await countKept([handler], 0)).toBe(0);
    await shop.close();
  });
});
