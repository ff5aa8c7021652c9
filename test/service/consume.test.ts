import { createServiceBus, memory, nonRetryable, type ServiceBusOptions } from 'mapbus/service';
import { describe, expect, it, vi } from 'vitest';
import { createGate } from '../support.ts';

interface Events {
  'order.placed': { orderId: string; at: Date };
  'order.paid': { orderId: string };
  ticked: void;
}

const createShop = (options: Partial<ServiceBusOptions<Events, object>> = {}) => {
  const lines: { level: string; message: string; fields: Record<string, unknown> }[] = [];
  const write = (level: string) => (message: string, fields: Record<string, unknown>) =>
    lines.push({ level, message, fields });
  const bus = createServiceBus<Events, object>({
    service: 'shop',
    transport: memory(),
    sends: 'all',
    logger: { debug: write('debug'), warn: write('warn'), error: write('error') },
    logPublish: () => false,
    consumers: { retryDelayMs: 1 },
    ...options,
  });
  return { ...bus, bus, lines, logged: (message: string) => lines.filter((line) => line.message === message) };
};

describe('a consumer', () => {
  it('gets what JSON makes of the payload, in a later turn, with its context', async () => {
    const { consume, ready, publish, idle } = createShop({ keys: { 'order.placed': ({ orderId }) => orderId } });
    const seen: unknown[] = [];
    consume('order.placed', 'charge', (order, context) => {
      const { name, id, source, occurredAt, metadata, key, attempt, signal } = context;
      seen.push([order, { name, id, source, occurredAt, metadata, key, attempt, signal }]);
    });
    await ready();

    const result = await publish('order.placed', { orderId: '1', at: new Date(0) }, { metadata: { trace_id: 'a' } });
    expect(result.handlerCount).toBe(0);
    await idle();

    expect(seen).toEqual([
      [
        { orderId: '1', at: '1970-01-01T00:00:00.000Z' },
        {
          name: 'order.placed',
          id: result.id,
          source: '/shop',
          occurredAt: result.occurredAt,
          metadata: { trace_id: 'a' },
          key: '1',
          attempt: 1,
          signal: expect.any(AbortSignal),
        },
      ],
    ]);
  });

  it('is retried alone with back-off, and then its event is a dead letter', async () => {
    const { bus, consume, ready, publish, idle, logged, deadLetters } = createShop();
    const attempts: number[] = [];
    const other = vi.fn();
    consume(
      'order.paid',
      'mail',
      (_, { attempt }) => {
        attempts.push(attempt);
        throw new Error('SMTP refused');
      },
      { maxAttempts: 3 },
    );
    consume('order.paid', 'ledger', other);
    await ready();

    const { id } = await publish('order.paid', { orderId: '1' });
    await vi.waitFor(() => expect(logged('event_dead_lettered')).toHaveLength(1));
    await idle();

    expect(attempts).toEqual([1, 2, 3]);
    expect(other).toHaveBeenCalledOnce();
    expect(logged('event_retried').map(({ fields }) => fields.attempt)).toEqual([1, 2]);
    const { letters } = await deadLetters.page();
    expect(letters).toMatchObject([
      { consumer: 'mail', reason: 'handler_failed', attempt: 3, error: { message: 'SMTP refused' }, event: { id } },
    ]);
    expect(bus.health().consumers).toMatchObject([
      { consumer: 'mail', inForce: true, lastError: { message: 'SMTP refused' } },
      { consumer: 'ledger', lastError: undefined },
    ]);
  });

  it('makes a dead letter at once of what it calls not retryable', async () => {
    const { consume, ready, publish, deadLetters, logged } = createShop();
    consume('order.paid', 'mail', () => {
      throw nonRetryable('no such order');
    });
    await ready();

    await publish('order.paid', { orderId: '1' });
    await vi.waitFor(() => expect(logged('event_dead_lettered')).toHaveLength(1));

    expect((await deadLetters.page()).letters).toMatchObject([{ reason: 'non_retryable', attempt: 1 }]);
  });

  it('fails when a publish below it fails, also one that it does not await', async () => {
    const { consume, ready, publish, close, logged, lines } = createShop({ maxEventBytes: 400 });
    const attempts: number[] = [];
    consume(
      'order.paid',
      'follow-up',
      async (_, { attempt }) => {
        attempts.push(attempt);
        void publish('order.placed', { orderId: attempt === 1 ? 'x'.repeat(1_000) : '2', at: new Date() });
      },
      { maxAttempts: 2 },
    );
    await ready();

    await publish('order.paid', { orderId: '1' }, { metadata: { trace_id: 'a' } });
    await vi.waitFor(() => expect(attempts).toEqual([1, 2]));

    expect(logged('event_handler_failed')[0]?.fields).toMatchObject({ attempt: 1, error: { code: 'too_large' } });
    await close();
    expect(lines.filter(({ message }) => message === 'event_lost')).toEqual([]);
  });

  it('with an order handles events of one key one at a time, in publish order, retries included', async () => {
    const { consume, ready, publish, idle } = createShop({ keys: { 'order.paid': ({ orderId }) => orderId[0] ?? '' } });
    const seen: string[] = [];
    consume(
      'order.paid',
      'ledger',
      async ({ orderId }, { attempt }) => {
        await undefined;
        if (attempt === 1 && Number(orderId.slice(1)) % 7 === 0) throw new Error('no');
        seen.push(orderId);
      },
      { order: 'key' },
    );
    await ready();

    for (let index = 0; index < 50; index++)
      for (const key of ['a', 'b', 'c']) void publish('order.paid', { orderId: `${key}${index}` });
    await vi.waitFor(() => expect(seen).toHaveLength(150));
    await idle();

    for (const key of ['a', 'b', 'c'])
      expect(seen.filter((id) => id.startsWith(key))).toEqual(
        Array.from({ length: 50 }, (_, index) => `${key}${index}`),
      );
  });

  it('does not stop for a handler that hangs, and takes no more at its concurrency', async () => {
    const { bus, consume, ready, publish, close } = createShop();
    const gate = createGate();
    const started: string[] = [];
    consume(
      'order.paid',
      'hang',
      async ({ orderId }) => {
        started.push(orderId);
        await gate.promise;
      },
      { timeoutMs: 5, concurrency: 2, maxAttempts: 1 },
    );
    await ready();

    for (const orderId of ['1', '2']) void publish('order.paid', { orderId });
    await vi.waitFor(() => expect(bus.health().consumers[0]?.abandoned).toBe(2));
    await publish('order.paid', { orderId: '3' });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(started).toEqual(expect.arrayContaining(['1', '2']));
    expect(started).toHaveLength(2);
    gate.open();
    await vi.waitFor(() => expect(started).toHaveLength(3));

    await close();
  });
});

describe('close', () => {
  it('in the middle of 1,000 events with follow-ups loses none', async () => {
    const transport = memory();
    const first = createShop({ transport });
    const handled = new Set<string>();
    const followed = new Set<string>();
    const register = ({ consume, publish }: typeof first) => {
      consume('order.placed', 'place', async ({ orderId }) => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        handled.add(orderId);
        await publish('order.paid', { orderId });
      });
      consume('order.paid', 'pay', ({ orderId }) => void followed.add(orderId));
    };
    register(first);
    await first.ready();
    for (let index = 0; index < 1_000; index++)
      void first.publish('order.placed', { orderId: String(index), at: new Date() });
    await vi.waitFor(() => expect(handled.size).toBeGreaterThan(20));

    await first.close();
    expect(handled.size).toBeLessThan(1_000);
    const second = createShop({ transport });
    register(second);
    await second.ready();
    await vi.waitFor(() => expect(followed.size).toBe(1_000), 10_000);

    await second.close();
  });
});

describe('tail', () => {
  it('hears what every service publishes, as JSON makes it', async () => {
    const transport = memory();
    const shop = createShop({ transport });
    const screen = createShop({ transport, service: 'screen' });
    const seen: unknown[] = [];
    screen.tail(['order.placed']).subscribe('order.placed', ({ at }) => seen.push(at));
    await screen.ready();

    await shop.publish('order.placed', { orderId: '1', at: new Date(0) });
    await vi.waitFor(() => expect(seen).toEqual(['1970-01-01T00:00:00.000Z']));
  });
});
