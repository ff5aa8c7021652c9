import { setTimeout as sleep } from 'node:timers/promises';
import { createServiceBus, memory } from 'mapbus/service';
import type { Connection, Transport } from 'mapbus/transport';
import { describe, expect, it } from 'vitest';

interface Events {
  'order.placed': { total: number };
  'order.paid': { total: number };
}

/** `memory()` that enlists, with some members replaced. */
const enlisting = (parts: Partial<Connection>): Transport => {
  const hub = memory();
  return {
    connect: (context) => {
      const connection = hub.connect(context);
      return { ...connection, features: { ...connection.features, enlists: true }, ...parts };
    },
  };
};
const createShop = (transport: Transport = memory()) =>
  createServiceBus<Events, object>({
    service: 'shop',
    transport,
    sends: 'all',
    consumers: { maxAttempts: 1 },
    logger: { debug: () => {}, warn: () => {}, error: () => {} },
  });

describe('close()', () => {
  it('waits for publishes of one session that wait for one another', async () => {
    const sent: string[] = [];
    let isClosed = false;
    const shop = createShop(
      enlisting({
        publish: async () => {
          sent.push(isClosed ? 'too late' : 'in time');
          return {};
        },
        close: async () => {
          isClosed = true;
        },
      }),
    );
    const session = {};

    const published = [1, 2, 3, 4, 5].map((total) => shop.publish('order.placed', { total }, { session }));
    await shop.close();
    await Promise.all(published);

    expect(sent).toEqual(['in time', 'in time', 'in time', 'in time', 'in time']);
  });

  it('refuses those that still wait when its time is over', async () => {
    let count = 0;
    const shop = createShop(
      enlisting({
        publish: async () => {
          count++;
          await sleep(30);
          return {};
        },
      }),
    );
    const handled: number[] = [];
    shop.subscribe('order.placed', ({ total }) => handled.push(total));
    const session = {};

    const published = [1, 2].map((total) => shop.publish('order.placed', { total }, { session }));
    await sleep(5);
    await shop.close({ drainTimeoutMs: 0 });
    const [, second] = await Promise.all(published);

    expect(second?.error).toMatchObject({ code: 'closed', outcome: 'not-sent' });
    expect(count).toBe(1);
    expect(handled).toEqual([1]);
  });

  it('changes nothing when its options are bad', async () => {
    const shop = createShop();
    const handled: number[] = [];
    shop.consume('order.placed', 'charge', ({ total }) => handled.push(total));
    await shop.ready();

    expect(() => shop.close({ drainTimeoutMs: -1 })).toThrow(TypeError);
    await shop.publish('order.placed', { total: 3 });
    await shop.idle();

    expect(handled).toEqual([3]);
    await shop.close();
  });
});

describe('a publish in a consumer', () => {
  it('belongs to the attempt also if `from` is something else', async () => {
    const shop = createShop();
    shop.consume('order.placed', 'charge', async () => {
      await shop.publish('order.paid', { total: Number.NaN }, { from: { metadata: { trace_id: 'a' } } });
    });
    await shop.ready();

    await shop.publish('order.placed', { total: 3 });
    await shop.idle();

    const { letters } = await shop.deadLetters.page();
    expect(letters.map(({ error }) => error.message)).toEqual([
      '[mapbus] Cannot publish: JSON cannot carry NaN at payload["total"]',
    ]);
    await shop.close();
  });
});

describe('a process', () => {
  it('is not kept alive by a handler that still runs after close()', async () => {
    const countTimers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const shop = createShop();
    shop.consume('order.placed', 'charge', () => new Promise(() => {}));
    await shop.ready();
    await shop.publish('order.placed', { total: 3 });
    await sleep(5);
    const whileItRuns = countTimers();

    await shop.close({ drainTimeoutMs: 0 });

    expect(countTimers()).toBeLessThan(whileItRuns);
  });
});
