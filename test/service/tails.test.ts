import { eventsOf, latestOf, waitFor } from 'mapbus';
import { memory } from 'mapbus/service';
import type { Connection, Transport } from 'mapbus/transport';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createGate } from '../support.ts';
import { cloudEvent, createFakeTransport, createShop, fail, laterTurns, recordUnhandled } from './support.ts';

afterEach(() => {
  vi.useRealTimers();
});

type Tell = Parameters<NonNullable<Connection['tail']>>[1];

/** Counts the tails that are open at the transport. */
const createCountingTransport = () => {
  const open = new Set<object>();
  const { transport } = createFakeTransport({
    tail: async () => {
      const one = {
        stop: async () => {
          open.delete(one);
        },
      };
      open.add(one);
      return one;
    },
  });
  return { transport, open };
};

describe('a tail', () => {
  it('hears what every service publishes, as JSON makes it', async () => {
    const transport = memory();
    const shop = createShop({ transport });
    const screen = createShop({ transport, service: 'screen' });
    const seen: unknown[] = [];
    screen
      .tail(['order.placed'])
      .subscribe('order.placed', ({ at }, { id, metadata }) => seen.push([at, id, metadata]));
    await screen.ready();

    const placed = { orderId: '1', at: new Date(0) };
    const { id } = await shop.publish('order.placed', placed, { metadata: { trace_id: 'a' } });
    await shop.publish('order.paid', { orderId: '1' });
    await laterTurns();

    expect(seen).toEqual([['1970-01-01T00:00:00.000Z', id, { trace_id: 'a' }]]);
  });

  it('hears its own process too, and only what is sent', async () => {
    const { tail, publish, ready, idle } = createShop({ sends: ['order.placed'] });
    const seen: string[] = [];
    const orders = tail(['order.placed', 'order.paid']);
    orders.subscribe('order.placed', (_, { name }) => void seen.push(name));
    orders.subscribe('order.paid', (_, { name }) => void seen.push(name));
    await ready();

    await publish('order.placed', { orderId: '1' });
    await publish('order.paid', { orderId: '1' });
    await idle();

    expect(seen).toEqual(['order.placed']);
  });

  it('has no session, and a failing handler of it is logged', async () => {
    const { tail, publish, ready, idle, logged } = createShop();
    const sessions: unknown[] = [];
    tail(['order.paid']).subscribe('order.paid', (_, { session }) => {
      sessions.push(session);
      fail();
    });
    await ready();

    await publish('order.paid', { orderId: '1' });
    await idle();

    expect(sessions).toEqual([undefined]);
    expect(logged('event_handler_failed')).toMatchObject([{ level: 'warn', fields: { eventName: 'order.paid' } }]);
  });

  it('serves waitFor and eventsOf', async () => {
    const { tail, publish } = createShop();
    const orders = tail(['order.paid']);
    const seen: unknown[] = [];
    const read = async () => {
      for await (const event of eventsOf(orders, 'order.paid')) {
        seen.push(event);
        break;
      }
    };

    const reading = read();
    const waiting = waitFor(orders, 'order.paid', { timeoutMs: 1_000 });
    await laterTurns();
    await publish('order.paid', { orderId: '1' });
    await reading;

    expect(await waiting).toEqual({ orderId: '1' });
    expect(seen).toEqual([{ orderId: '1' }]);
  });

  it('serves latestOf with what another service has published', async () => {
    const transport = memory();
    const shop = createShop({ transport });
    const screen = createShop({ transport, service: 'screen' });
    const latest = latestOf(screen.tail(['order.paid']), 'order.paid', null);
    await screen.ready();

    for (const orderId of ['1', '2']) await shop.publish('order.paid', { orderId });

    await vi.waitFor(() => expect(latest.get()).toEqual({ orderId: '2' }));
  });

  it('asks the transport for each name once', async () => {
    const tailed: (readonly string[])[] = [];
    const { transport } = createFakeTransport({
      tail: async (names) => {
        tailed.push(names);
        return { stop: async () => {} };
      },
    });
    const { tail, ready } = createShop({ transport });

    const orders = tail(['order.paid', 'order.placed', 'order.paid']);
    orders.subscribe('order.paid', () => {});
    orders.subscribe('order.placed', () => {});
    await ready();

    expect(tailed).toEqual([['order.paid', 'order.placed']]);
  });

  it('skips what it cannot read', async () => {
    const tell = createGate<Tell>();
    const { transport } = createFakeTransport({
      tail: async (_, given) => {
        tell.open(given);
        return { stop: async () => {} };
      },
    });
    const { tail } = createShop({ transport });
    const seen: string[] = [];
    tail(['order.placed']).subscribe('order.placed', ({ orderId }) => void seen.push(orderId));
    const tellBody = await tell.promise;

    tellBody('{');
    tellBody(cloudEvent({ id: '' }));
    tellBody(new TextEncoder().encode(cloudEvent()));

    expect(seen).toEqual(['1']);
  });

  it('keeps an event that only a tail hears from being unrouted', async () => {
    const { tail, publish, ready, logged } = createShop();
    tail(['order.paid']).subscribe('order.paid', () => {});
    await ready();

    await publish('order.paid', { orderId: '1' });
    await publish('order.placed', { orderId: '1' });

    expect(logged('event_unrouted').map(({ fields }) => fields.eventName)).toEqual(['order.placed']);
  });

  it('takes a list of names', () => {
    const { tail } = createShop();

    expect(() => tail('order.paid' as never)).toThrow(TypeError);
    expect(() => tail('order.paid' as never)).toThrow('tail names: expected array, got "order.paid"');
    expect(() => tail([])).toThrow('tail names: expected at least one name, got none');
    expect(() => tail(['' as never])).toThrow('event name: expected string that is not empty, got ""');
  });

  it('is refused by a transport that cannot tell', () => {
    const { transport } = createFakeTransport({ tail: undefined });
    const { tail } = createShop({ transport });

    expect(() => tail(['order.paid'])).toThrow(TypeError);
  });

  it('is refused by a closed bus', async () => {
    const { tail, close } = createShop();
    await close();

    expect(() => tail(['order.paid'])).toThrow(expect.objectContaining({ code: 'closed' }));
  });

  it('takes no handler once its bus closes', async () => {
    const { tail, close } = createShop();
    const orders = tail(['order.paid']);

    const closed = close();

    expect(() => orders.subscribe('order.paid', () => {})).toThrow(expect.objectContaining({ code: 'closed' }));
    await closed;
  });

  it('ends when its bus closes', async () => {
    const { transport, open } = createCountingTransport();
    const { tail, ready, close } = createShop({ transport });
    const orders = tail(['order.paid']);
    const waiting = waitFor(orders, 'order.paid').catch((error) => error);
    await ready();
    expect(open.size).toBe(1);

    await close();

    expect(open.size).toBe(0);
    expect(await waiting).toMatchObject({ code: 'closed' });
    expect(() => orders.subscribe('order.paid', () => {})).toThrow(expect.objectContaining({ code: 'closed' }));
  });
});

describe('a publish of a tail handler', () => {
  it('belongs to no attempt', async () => {
    const { consume, ready, publish, tail, idle, deadLetters } = createShop({ maxEventBytes: 400 });
    const attempts: number[] = [];
    const heard = createGate();
    tail(['order.paid']).subscribe('order.paid', () => {
      void publish('order.paid', { orderId: 'x'.repeat(500) }).then(() => heard.open());
    });
    const follow = async (_: unknown, { attempt }: { attempt: number }) => {
      attempts.push(attempt);
      await publish('order.paid', { orderId: '1' });
      await heard.promise;
    };
    consume('order.placed', 'follow-up', follow, { maxAttempts: 2 });
    await ready();

    await publish('order.placed', { orderId: '1' });
    await idle();

    expect(attempts).toEqual([1]);
    expect((await deadLetters.page()).letters).toEqual([]);
  });
});

describe('a tail that nobody listens to any more', () => {
  it('ends at the transport, each time', async () => {
    const { transport, open } = createCountingTransport();
    const { tail } = createShop({ transport });

    for (let request = 0; request < 100; request++) {
      const unsubscribe = tail(['order.placed']).subscribe('order.placed', () => {});
      await laterTurns(1);
      unsubscribe();
    }
    await vi.waitFor(() => expect(open.size).toBe(0));
  });

  it('ends also if nobody has waited until it was there', async () => {
    const { transport, open } = createCountingTransport();
    const { tail } = createShop({ transport });

    for (let request = 0; request < 50; request++) tail(['order.placed']).subscribe('order.placed', () => {})();
    await laterTurns();

    expect(open.size).toBe(0);
  });

  it('goes on until its last subscription has ended', async () => {
    const { transport, open } = createCountingTransport();
    const { tail, ready } = createShop({ transport });
    const orders = tail(['order.placed']);
    const first = orders.subscribe('order.placed', () => {});
    const second = orders.subscribe('order.placed', () => {});
    await ready();

    first();
    await laterTurns();
    expect(open.size).toBe(1);
    second();
    await laterTurns();

    expect(open.size).toBe(0);
  });

  it('ends with the signal of its last subscription, at the next event', async () => {
    const inner = memory();
    let open = 0;
    const transport: Transport = {
      connect: (context) => {
        const connection = inner.connect(context);
        const tail: Connection['tail'] = async (names, tell) => {
          open++;
          const receiving = await connection.tail?.(names, tell);
          const stop = async () => {
            open--;
            await receiving?.stop();
          };
          return { stop };
        };
        return { ...connection, tail };
      },
    };
    const { tail, ready, publish, idle } = createShop({ transport });
    const listening = new AbortController();
    tail(['order.placed']).subscribe('order.placed', () => {}, { signal: listening.signal });
    await ready();

    listening.abort();
    await publish('order.placed', { orderId: '1' });
    await idle();

    expect(open).toBe(0);
  });

  it('starts anew with the next subscription', async () => {
    const { tail, ready, publish, idle } = createShop();
    const orders = tail(['order.paid']);
    const seen: string[] = [];
    orders.subscribe('order.paid', () => {})();

    orders.subscribe('order.paid', ({ orderId }) => void seen.push(orderId));
    await ready();
    await publish('order.paid', { orderId: '1' });
    await idle();

    expect(seen).toEqual(['1']);
  });

  it('leaves nothing in memory', async () => {
    expect(globalThis.gc).toBeTypeOf('function');
    const { tail } = createShop();
    const open = async (count: number) => {
      for (let request = 0; request < count; request++) tail(['order.placed']).subscribe('order.placed', () => {})();
      await laterTurns();
      globalThis.gc?.();
      return process.memoryUsage().heapUsed;
    };

    const before = await open(1_000);
    const after = await open(5_000);

    expect(after - before).toBeLessThan(2_000_000);
  });

  it('is logged if it cannot be stopped, and crashes nothing', async () => {
    const { transport } = createFakeTransport({ tail: async () => ({ stop: async () => fail() }) });
    const { tail, ready, logged } = createShop({ transport });
    const unhandled = recordUnhandled();
    const unsubscribe = tail(['order.paid']).subscribe('order.paid', () => {});
    await ready();

    unsubscribe();
    await laterTurns();

    expect(logged('event_tail_stop_failed')).toMatchObject([{ level: 'warn', fields: { error: new Error('no') } }]);
    expect(unhandled).toEqual([]);
  });
});

describe('a tail that could not start', () => {
  it.each([
    ['rejects', async () => fail()],
    ['throws at once', fail],
  ])('is logged, and tried again, when the transport %s', async (_, away) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const start = vi.fn(async () => ({ stop: async () => {} })).mockImplementationOnce(away);
    const { transport } = createFakeTransport({ tail: start });
    const { tail, logged } = createShop({ transport });

    tail(['order.placed']).subscribe('order.placed', () => {});
    await vi.advanceTimersByTimeAsync(999);
    expect(start).toHaveBeenCalledOnce();
    await vi.advanceTimersByTimeAsync(1);

    expect(start).toHaveBeenCalledTimes(2);
    expect(logged('event_tail_failed')).toEqual([
      {
        level: 'error',
        message: 'event_tail_failed',
        fields: { eventNames: ['order.placed'], error: new Error('no') },
      },
    ]);
  });

  it('is not tried again once nobody listens, and crashes nothing', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const start = vi.fn(async () => fail());
    const { transport } = createFakeTransport({ tail: start });
    const { tail } = createShop({ transport });
    const unhandled = recordUnhandled();

    tail(['order.placed']).subscribe('order.placed', () => {})();
    await vi.advanceTimersByTimeAsync(5_000);
    await laterTurns();

    expect(start).toHaveBeenCalledOnce();
    expect(unhandled).toEqual([]);
  });
});
