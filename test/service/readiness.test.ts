import { memory } from 'mapbus/service';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createGate } from '../support.ts';
import { createFakeTransport, createShop, fail, laterTurns } from './support.ts';

afterEach(() => {
  vi.useRealTimers();
});

const inForce = ({ health }: ReturnType<typeof createShop>) =>
  Object.fromEntries(health().consumers.map((consumer) => [consumer.consumer, consumer.inForce]));

const isSettled = async (promise: Promise<unknown>): Promise<boolean> => {
  let settled = false;
  const settle = () => {
    settled = true;
  };
  promise.then(settle, settle);
  await laterTurns();
  return settled;
};

describe('a consumer', () => {
  it('is in force once ready() has resolved, and not before', async () => {
    const shop = createShop();
    shop.consume('order.placed', 'mail', () => {});
    expect(inForce(shop)).toEqual({ mail: false });

    await shop.ready();

    expect(inForce(shop)).toEqual({ mail: true });
  });

  it('gets nothing from before it was first in force', async () => {
    const transport = memory();
    const { consume, ready, publish, idle } = createShop({ transport });
    const seen: string[] = [];

    await publish('order.paid', { orderId: 'before' });
    consume('order.paid', 'mail', ({ orderId }) => void seen.push(orderId));
    await ready();
    await publish('order.paid', { orderId: 'after' });
    await idle();

    expect(seen).toEqual(['after']);
  });

  it('stays in force when its process ends', async () => {
    const transport = memory();
    const old = createShop({ transport });
    const publisher = createShop({ transport, service: 'web' });
    old.consume('order.paid', 'mail', () => {});
    await old.ready();

    await old.close();
    await publisher.publish('order.paid', { orderId: '1' });
    const { consume, ready, idle } = createShop({ transport });
    const seen: string[] = [];
    consume('order.paid', 'mail', ({ orderId }) => void seen.push(orderId));
    await ready();
    await idle();

    expect(seen).toEqual(['1']);
  });

  it('is put in force at any microtask of another that gets in force', async () => {
    const forgotten: number[] = [];

    for (let ticks = 0; ticks < 40; ticks++) {
      const shop = createShop();
      shop.consume('order.placed', 'first', () => {});
      for (let tick = 0; tick < ticks; tick++) await undefined;
      shop.consume('order.placed', 'second', () => {});
      await shop.ready();
      // Also one that came when the work was just over.
      await laterTurns(1);
      if (!inForce(shop).second || !inForce(shop).first) forgotten.push(ticks);
      await shop.close();
    }

    expect(forgotten).toEqual([]);
  });

  it('is declared together with the others of its turn', async () => {
    const declared: string[][] = [];
    const declare = async (specs: readonly { readonly consumer: string }[]) =>
      void declared.push(specs.map(({ consumer }) => consumer));
    const { transport } = createFakeTransport({ declare });
    const { consume, ready } = createShop({ transport });

    consume('order.placed', 'mail', () => {});
    consume('order.placed', 'ledger', () => {});
    await ready();
    consume('order.placed', 'audit', () => {});
    await ready();

    expect(declared).toEqual([['mail', 'ledger'], ['audit']]);
  });

  it('that cannot be declared does not keep the others out of force', async () => {
    const { transport } = createFakeTransport({
      declare: async (specs) => {
        if (specs.some(({ consumer }) => consumer === 'bad')) throw new Error('PRECONDITION_FAILED');
      },
    });
    const shop = createShop({ transport, readyTimeoutMs: 50 });
    shop.consume('order.placed', 'bad', () => {});
    shop.consume('order.placed', 'good', () => {});

    await expect(shop.ready()).rejects.toMatchObject({
      code: 'transport_unavailable',
      cause: new Error('PRECONDITION_FAILED'),
    });

    expect(inForce(shop)).toEqual({ bad: false, good: true });
    expect(shop.logged('event_consumers_failed').map(({ level, fields }) => [level, fields.consumers])).toEqual([
      ['error', ['bad', 'good']],
      ['error', ['bad']],
    ]);
  });

  it('that cannot be declared for the same reason again is no error in the log again', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
    const reasons = ['no queue', 'no queue', 'no right'];
    const declare = async () => {
      const reason = reasons.shift();
      if (reason !== undefined) throw new Error(reason);
    };
    const { transport } = createFakeTransport({ declare });
    const shop = createShop({ transport });
    shop.consume('order.placed', 'mail', () => {});

    await vi.advanceTimersByTimeAsync(5_000);

    expect(shop.logged('event_consumers_failed').map(({ level }) => level)).toEqual(['error', 'debug', 'error']);
    expect(inForce(shop)).toEqual({ mail: true });
  });

  it.each([
    ['rejects', async () => fail()],
    ['throws at once', fail],
  ])('is tried again when the transport %s', async (_, away) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
    const declare = vi.fn(async () => {}).mockImplementationOnce(away);
    const { transport } = createFakeTransport({ declare });
    const shop = createShop({ transport, readyTimeoutMs: 50 });
    shop.consume('order.placed', 'mail', () => {});

    const ready = shop.ready().catch((error) => error);
    await vi.advanceTimersByTimeAsync(50);
    expect(await ready).toMatchObject({ code: 'transport_unavailable', cause: new Error('no') });
    await vi.advanceTimersByTimeAsync(1_000);

    expect(declare).toHaveBeenCalledTimes(2);
    expect(inForce(shop)).toEqual({ mail: true });
    await expect(shop.ready()).resolves.toBeUndefined();
  });

  it('of several names is declared with each once', async () => {
    const { transport, specOf } = createFakeTransport();
    const { consume, ready } = createShop({ transport });

    consume(['order.placed', 'order.paid', 'order.placed'], 'mail', () => {});
    await ready();

    expect(specOf('mail')?.names).toEqual(['order.placed', 'order.paid']);
  });

  it('that has unsubscribed while it got in force is stopped at the transport', async () => {
    const stop = vi.fn(async () => {});
    const started = createGate();
    const { transport } = createFakeTransport({
      consume: async () => {
        await started.promise;
        return { stop };
      },
    });
    const { consume, ready, health } = createShop({ transport });

    const unsubscribe = consume('order.placed', 'mail', () => {});
    await laterTurns();
    unsubscribe();
    started.open();
    await ready();

    expect(stop).toHaveBeenCalledOnce();
    expect(health().consumers).toEqual([]);
  });
});

describe('ready()', () => {
  it('resolves at once where nothing has to be in force', async () => {
    await expect(createShop().ready()).resolves.toBeUndefined();
  });

  it('waits until a tail hears what is published', async () => {
    const started = createGate();
    const { transport } = createFakeTransport({
      tail: async () => {
        await started.promise;
        return { stop: async () => {} };
      },
    });
    const { tail, ready } = createShop({ transport });
    tail(['order.placed']).subscribe('order.placed', () => {});

    const isReady = ready();
    expect(await isSettled(isReady)).toBe(false);
    started.open();

    await expect(isReady).resolves.toBeUndefined();
  });

  it('rejects after 30 seconds without an option', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { transport } = createFakeTransport({ declare: () => new Promise(() => {}) });
    const { consume, ready } = createShop({ transport });
    consume('order.placed', 'mail', () => {});

    const rejected = vi.fn();
    ready().catch(rejected);
    await vi.advanceTimersByTimeAsync(29_999);
    expect(rejected).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);

    expect(rejected).toHaveBeenCalledWith(expect.objectContaining({ code: 'transport_unavailable' }));
  });

  it('rejects after readyTimeoutMs also for a tail that hears nothing', async () => {
    const { transport } = createFakeTransport({ tail: async () => fail() });
    const { tail, ready } = createShop({ transport, readyTimeoutMs: 20 });
    tail(['order.placed']).subscribe('order.placed', () => {});

    await expect(ready()).rejects.toMatchObject({ code: 'transport_unavailable' });
  });
});

describe('ready() of a bus that closes before all consumers are in force', () => {
  it('rejects', async () => {
    const { transport } = createFakeTransport({ declare: async () => fail() });
    const { consume, ready, close } = createShop({ transport });
    consume('order.placed', 'mail', () => {});
    const rejected = expect(ready()).rejects.toMatchObject({ code: 'closed' });

    await close();

    await rejected;
  });
});

describe('plan()', () => {
  it('tells what the transport needs for the consumers so far', async () => {
    const plan = (specs: readonly { readonly consumer: string }[]) => specs.map(({ consumer }) => `queue ${consumer}`);
    const { transport } = createFakeTransport({ plan });
    const shop = createShop({ transport });
    shop.consume('order.placed', 'mail', () => {});

    expect(shop.plan()).toEqual(['queue mail']);
  });

  it('is empty for a transport that needs nothing', () => {
    expect(createShop().plan()).toEqual([]);
  });
});
