import { memory } from 'mapbus/service';
import { describe, expect, it, vi } from 'vitest';
import { createShop } from './support.ts';

const range = (count: number) => Array.from({ length: count }, (_, index) => String(index));

describe('processes of one service', () => {
  it('share the events of a consumer, each goes to one of them', async () => {
    const transport = memory();
    const seen: string[] = [];
    const processes = [createShop({ transport }), createShop({ transport })];
    const counts = [0, 0];
    for (const [index, { consume, ready }] of processes.entries()) {
      consume('order.paid', 'mail', ({ orderId }) => {
        seen.push(orderId);
        counts[index] = (counts[index] ?? 0) + 1;
      });
      await ready();
    }

    for (const orderId of range(40)) await processes[0]?.publish('order.paid', { orderId });
    await processes[0]?.idle();

    expect(seen.toSorted()).toEqual(range(40).toSorted());
    expect(counts).not.toContain(0);
  });

  it('may run different consumers: each gets the events of its own', async () => {
    const transport = memory();
    const web = createShop({ transport });
    const worker = createShop({ transport });
    const seen: string[] = [];
    worker.consume('order.paid', 'mail', ({ orderId }) => void seen.push(`mail ${orderId}`));
    web.consume('order.paid', 'page', ({ orderId }) => void seen.push(`page ${orderId}`));
    await web.ready();
    await worker.ready();

    await web.publish('order.paid', { orderId: '1' });
    await web.idle();

    expect(seen.toSorted()).toEqual(['mail 1', 'page 1']);
  });
});

describe('services on one memory()', () => {
  it('each get each event, by consumers of one name', async () => {
    const transport = memory();
    const seen: string[] = [];
    for (const service of ['shop', 'billing', 'mail']) {
      const { consume, ready } = createShop({ transport, service });
      consume('order.paid', 'log', (_, { source }) => void seen.push(`${service} of ${source}`));
      await ready();
    }
    const { publish, idle } = createShop({ transport, service: 'web', source: '/web/eu' });

    await publish('order.paid', { orderId: '1' });
    await idle();

    expect(seen.toSorted()).toEqual(['billing of /web/eu', 'mail of /web/eu', 'shop of /web/eu']);
  });

  it('do not meet those of another namespace', async () => {
    const transport = memory();
    const staging = createShop({ transport, namespace: 'staging' });
    const handler = vi.fn();
    staging.consume('order.paid', 'log', handler);
    staging.tail(['order.paid']).subscribe('order.paid', handler);
    await staging.ready();

    for (const namespace of [undefined, '', 'production'])
      await createShop({ transport, namespace }).publish('order.paid', { orderId: '1' });
    await staging.idle();

    expect(handler).not.toHaveBeenCalled();
    await staging.publish('order.paid', { orderId: '1' });
    await staging.idle();
    expect(handler).toHaveBeenCalledTimes(2);
  });
});

describe('a deploy that changes which events a consumer takes', () => {
  it('gives a process only the names that it consumes', async () => {
    const transport = memory();
    const old = createShop({ transport });
    const names = new Set<string>();
    old.consume('order.placed', 'ledger', (_, { name }) => void names.add(name));
    await old.ready();
    const { consume, ready, publish, idle } = createShop({ transport });
    const seen: string[] = [];
    consume(['order.placed', 'order.paid'], 'ledger', ({ payload }) => void seen.push(payload.orderId));
    await ready();

    for (const orderId of range(40)) await publish('order.paid', { orderId });
    await idle();

    expect([...names]).toEqual([]);
    expect(seen.toSorted()).toEqual(range(40).toSorted());
  });

  it('dead-letters nothing, also with maxAttempts 1', async () => {
    const transport = memory();
    const consumers = { maxAttempts: 1 };
    const old = createShop({ transport, consumers });
    old.consume(['order.placed'], 'ledger', () => {});
    await old.ready();
    const { consume, ready, publish, idle, deadLetters } = createShop({ transport, consumers });
    const seen = new Set<string>();
    consume(['order.placed', 'order.paid'], 'ledger', ({ payload }) => void seen.add(payload.orderId));
    await ready();

    for (const orderId of range(30)) await publish('order.paid', { orderId });
    await idle();
    await old.close();
    await idle();

    expect(seen.size).toBe(30);
    expect((await deadLetters.page()).letters).toEqual([]);
  });

  it('gives up the names that no process wants any more', async () => {
    const transport = memory();
    const old = createShop({ transport });
    old.consume(['order.placed', 'order.paid'], 'ledger', () => {});
    await old.ready();
    const { consume, ready, publish, logged } = createShop({ transport });
    consume('order.placed', 'ledger', () => {});
    await ready();

    await publish('order.paid', { orderId: '1' });
    expect(logged('event_unrouted')).toEqual([]);
    await old.close();
    await publish('order.paid', { orderId: '2' });

    expect(logged('event_unrouted').map(({ fields }) => fields.eventName)).toEqual(['order.paid']);
  });

  it('keeps the names of the last process until the next one comes', async () => {
    const transport = memory();
    const old = createShop({ transport });
    old.consume('order.placed', 'ledger', () => {});
    await old.ready();
    await old.close();
    const web = createShop({ transport, service: 'web' });
    await web.publish('order.placed', { orderId: '1' });
    expect(web.logged('event_unrouted')).toEqual([]);

    const { consume, ready } = createShop({ transport });
    consume('order.paid', 'ledger', () => {});
    await ready();
    await web.publish('order.placed', { orderId: '2' });

    expect(web.logged('event_unrouted')).toHaveLength(1);
  });
});

describe('a consumer that nobody has run for expiresAfterMs', () => {
  it('is removed with its events, and the log says which were lost', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const transport = memory();
    const { consume, ready, publish, logged, idle } = createShop({ transport });
    const stop = consume('order.paid', 'mail', () => {}, { expiresAfterMs: 1_000 });
    await ready();
    stop();
    const waiting = await publish('order.paid', { orderId: '1' });
    expect(logged('event_unrouted')).toEqual([]);

    vi.setSystemTime(Date.now() + 1_001);
    const unrouted = await publish('order.paid', { orderId: '2' });
    await publish('order.paid', { orderId: '3' });
    vi.useRealTimers();

    const fields = { eventIds: [waiting.id], consumer: 'mail', reason: 'consumer_expired' };
    expect(logged('event_lost')).toMatchObject([{ level: 'warn', fields }]);
    expect(logged('event_unrouted')).toMatchObject([{ fields: { eventId: unrouted.id } }]);
    const handler = vi.fn();
    consume('order.paid', 'mail', handler);
    await ready();
    await idle();
    expect(handler).not.toHaveBeenCalled();
  });

  it('stays while a process runs it', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const { consume, ready, publish, idle } = createShop();
    const handler = vi.fn();
    consume('order.paid', 'mail', handler, { expiresAfterMs: 1_000 });
    await ready();

    vi.setSystemTime(Date.now() + 10_000);
    await publish('order.paid', { orderId: '1' });
    await idle();
    vi.useRealTimers();

    expect(handler).toHaveBeenCalledOnce();
  });

  it('has its time from when the last process has stopped it', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const { consume, ready, publish, logged } = createShop();
    const stop = consume('order.paid', 'mail', () => {}, { expiresAfterMs: 1_000 });
    await ready();

    vi.setSystemTime(Date.now() + 10_000);
    stop();
    vi.setSystemTime(Date.now() + 1_000);
    await publish('order.paid', { orderId: '1' });
    vi.useRealTimers();

    expect(logged('event_unrouted')).toEqual([]);
  });
});
