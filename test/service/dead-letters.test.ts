import { memory, nonRetryable } from 'mapbus/service';
import type { StoredDeadLetter } from 'mapbus/transport';
import { describe, expect, it, vi } from 'vitest';
import { createFakeTransport, createShop, FEATURES } from './support.ts';

const giveUp = (): never => {
  throw nonRetryable('no such order');
};

/** A service with dead letters of these orders. */
const createWithLetters = async (orderIds: readonly string[], options: Parameters<typeof createShop>[0] = {}) => {
  const shop = createShop(options);
  const handler = vi.fn<(order: { orderId: string }) => void>(giveUp);
  shop.consume('order.paid', 'mail', handler);
  await shop.ready();
  for (const orderId of orderIds) {
    await shop.publish('order.paid', { orderId });
    await shop.idle();
  }
  return { ...shop, handler };
};

const ordersOf = (letters: readonly { readonly event?: { readonly payload: unknown } | undefined }[]) =>
  letters.map(({ event }) => (event?.payload as { orderId: string } | undefined)?.orderId);

describe('a dead letter', () => {
  it('tells what was given up, of which consumer and why', async () => {
    const { consume, ready, publish, idle, deadLetters } = createShop({ keys: { 'order.paid': () => 'k' } });
    consume('order.paid', 'mail', giveUp);
    await ready();

    const before = Date.now();
    const { id, occurredAt } = await publish('order.paid', { orderId: '1' }, { metadata: { trace_id: 'a' } });
    await idle();

    const { letters, next } = await deadLetters.page();
    expect(next).toBeUndefined();
    expect(letters).toEqual([
      {
        ref: expect.any(String),
        consumer: 'mail',
        reason: 'non_retryable',
        attempt: 1,
        error: { name: 'NonRetryableError', message: 'no such order' },
        diedAt: expect.any(Date),
        body: expect.stringContaining('"data":{"orderId":"1"}'),
        event: {
          name: 'order.paid',
          id,
          source: '/shop',
          occurredAt,
          key: 'k',
          metadata: expect.objectContaining({ trace_id: 'a' }),
          payload: { orderId: '1' },
        },
      },
    ]);
    expect(letters[0]?.diedAt.getTime()).toBeGreaterThanOrEqual(before);
  });

  it('has no event if its body cannot be read', async () => {
    const stored: StoredDeadLetter = {
      ref: '1',
      consumer: 'mail',
      reason: 'undecodable',
      attempt: 1,
      error: { name: 'Error', message: 'no' },
      diedAt: new Date(0),
      body: new Uint8Array([0xff]),
    };
    const { transport } = createFakeTransport({
      features: { ...FEATURES, keepsDeadLetters: true },
      deadLetters: {
        page: async () => ({ letters: [stored], next: undefined }),
        redrive: async () => 0,
        discard: async () => 0,
      },
    });
    const { deadLetters } = createShop({ transport });

    expect((await deadLetters.page()).letters).toEqual([{ ...stored, event: undefined }]);
  });

  it('is logged with its event and its error', async () => {
    const { logged, deadLetters } = await createWithLetters(['1']);
    const [letter] = (await deadLetters.page()).letters;

    expect(logged('event_dead_lettered')).toEqual([
      {
        level: 'error',
        message: 'event_dead_lettered',
        fields: {
          eventName: 'order.paid',
          eventId: letter?.event?.id,
          consumer: 'mail',
          attempt: 1,
          reason: 'non_retryable',
          errorType: 'NonRetryableError',
          errorMessage: 'no such order',
          error: nonRetryable('no such order'),
        },
      },
    ]);
  });
});

describe('page()', () => {
  it('gives the oldest letters first, page by page, and changes nothing', async () => {
    const { deadLetters } = await createWithLetters(['1', '2', '3']);

    for (let time = 0; time < 2; time++) {
      const first = await deadLetters.page({ limit: 2 });
      const second = await deadLetters.page({ limit: 2, after: first.next });

      expect(ordersOf(first.letters)).toEqual(['1', '2']);
      expect(ordersOf(second.letters)).toEqual(['3']);
      expect(second.next).toBeUndefined();
    }
  });

  it('gives 100 letters at most, unless it is told otherwise', async () => {
    const page = vi.fn(async () => ({ letters: [], next: undefined }));
    const none = async () => 0;
    const { transport } = createFakeTransport({ deadLetters: { page, redrive: none, discard: none } });
    const { deadLetters } = createShop({ transport });

    await deadLetters.page();
    await deadLetters.page({ limit: 7, consumer: 'mail', after: '1' });

    expect(page.mock.calls).toEqual([
      [{ consumer: undefined, after: undefined, limit: 100 }],
      [{ consumer: 'mail', after: '1', limit: 7 }],
    ]);
  });

  it('gives the letters of one consumer, if it is asked for them', async () => {
    const transport = memory();
    const { consume, ready, publish, idle, deadLetters } = createShop({ transport });
    consume('order.paid', 'mail', giveUp);
    consume('order.paid', 'ledger', giveUp);
    await ready();
    await publish('order.paid', { orderId: '1' });
    await idle();

    const consumersOf = async (consumer?: string) =>
      (await deadLetters.page({ consumer })).letters.map((letter) => letter.consumer);

    expect(await consumersOf('ledger')).toEqual(['ledger']);
    expect((await consumersOf()).toSorted()).toEqual(['ledger', 'mail']);
    expect((await createShop({ transport, service: 'other' }).deadLetters.page()).letters).toEqual([]);
  });
});

describe('redrive()', () => {
  it('gives letters back to their consumer alone, as first attempts', async () => {
    const { consume, ready, deadLetters, handler, idle } = await createWithLetters(['1', '2']);
    const other = vi.fn();
    consume('order.paid', 'ledger', other);
    await ready();
    handler.mockClear();
    handler.mockImplementation(() => {});
    const { letters } = await deadLetters.page();

    const count = await deadLetters.redrive(letters.slice(0, 1));
    await idle();

    expect(count).toBe(1);
    expect(handler.mock.calls).toEqual([[{ orderId: '1' }, expect.objectContaining({ attempt: 1 })]]);
    expect(other).not.toHaveBeenCalled();
    expect(ordersOf((await deadLetters.page()).letters)).toEqual(['2']);
  });

  it('counts only the letters that were there', async () => {
    const { deadLetters, idle } = await createWithLetters(['1']);
    const { letters } = await deadLetters.page();

    expect(await deadLetters.redrive([...letters, ...letters, { ref: 'none' }])).toBe(1);
    await idle();
    expect(await deadLetters.redrive(letters)).toBe(0);
  });
});

describe('discard()', () => {
  it('removes the letters that it is given, and no other', async () => {
    const { deadLetters, handler, idle } = await createWithLetters(['1', '2']);
    handler.mockClear();
    const [first] = (await deadLetters.page()).letters;

    expect(await deadLetters.discard(first ? [first] : [])).toBe(1);
    await idle();

    expect(ordersOf((await deadLetters.page()).letters)).toEqual(['2']);
    expect(handler).not.toHaveBeenCalled();
    expect(await deadLetters.discard(first ? [first] : [])).toBe(0);
  });
});

describe('memory({ maxDeadLetters })', () => {
  it('bounds the letters: the oldest makes room, and is logged as lost', async () => {
    const transport = memory({ maxDeadLetters: 2 });
    const { deadLetters, logged } = await createWithLetters(['1', '2'], { transport });
    const [oldest] = (await deadLetters.page()).letters;
    expect(logged('event_lost')).toEqual([]);

    const { publish, idle } = createShop({ transport });
    await publish('order.paid', { orderId: '3' });
    await idle();

    expect(ordersOf((await deadLetters.page()).letters)).toEqual(['2', '3']);
    const fields = { eventIds: [oldest?.event?.id], consumer: 'mail', reason: 'max_dead_letters' };
    expect(logged('event_lost')).toEqual([{ level: 'error', message: 'event_lost', fields }]);
  });
});

describe('deadLetters', () => {
  it('rejects with a TypeError for what is no query and no letters', async () => {
    const { deadLetters } = createShop();

    await expect(deadLetters.page({ limit: 0 })).rejects.toThrow(
      'page options.limit: expected positive integer, got 0',
    );
    await expect(deadLetters.page({ service: 'x' } as never)).rejects.toThrow('page options: unknown option service');
    await expect(deadLetters.redrive({ ref: '1' } as never)).rejects.toThrow(TypeError);
    await expect(deadLetters.discard('1' as never)).rejects.toThrow(TypeError);
  });

  it('rejects with a TypeError where the transport keeps none', async () => {
    const { transport } = createFakeTransport({ deadLetters: undefined });
    const { deadLetters } = createShop({ transport });

    await expect(deadLetters.page()).rejects.toThrow('deadLetters: this transport keeps none');
    await expect(deadLetters.redrive([])).rejects.toThrow(TypeError);
    await expect(deadLetters.discard([])).rejects.toThrow(TypeError);
  });
});
