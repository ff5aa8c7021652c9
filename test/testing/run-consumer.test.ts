import { createConsumerContext, runConsumer } from 'mapbus/testing';
import { describe, expect, expectTypeOf, it } from 'vitest';
import type { ConsumedEvent, ConsumerContext, ConsumerHandler } from '../../src/service/types.ts';

interface Events {
  'order.placed': { orderId: string; at: Date; status: 'new' | 'old'; note?: string; tags: string[] };
  'order.paid': { orderId: string };
  ticked: undefined;
}

describe('runConsumer', () => {
  it('gives the handler what JSON makes of the payload, and tells that it is done', async () => {
    const seen: unknown[] = [];
    const handler: ConsumerHandler<Events, 'order.placed'> = async (payload) => void seen.push(payload);

    const run = await runConsumer(handler, { orderId: '1', at: new Date(0), status: 'new', tags: ['a'] });

    expect(run).toEqual({ outcome: 'done' });
    expect(seen).toEqual([{ orderId: '1', at: '1970-01-01T00:00:00.000Z', status: 'new', tags: ['a'] }]);
  });

  it('takes what has a toJSON in the place of its result, and leaves undefined out', async () => {
    const money = { toJSON: () => ({ cents: 300 }) };
    const seen: unknown[] = [];
    const handler = (payload: { readonly price: { readonly cents: number }; readonly note?: string }) =>
      seen.push(payload);

    await runConsumer(handler, { price: money });
    await runConsumer(handler, { price: { cents: 4 }, note: 'gift' });

    expect(seen).toEqual([{ price: { cents: 300 } }, { price: { cents: 4 }, note: 'gift' }]);
  });

  it('runs a handler of several names, or of an event without a payload', async () => {
    const seen: unknown[] = [];
    const several = ({ name, payload }: ConsumedEvent<Events, 'order.paid' | 'ticked'>) => seen.push([name, payload]);
    const ticked: ConsumerHandler<Events, 'ticked'> = (payload) => seen.push(payload);

    await runConsumer(several, { name: 'order.paid', payload: { orderId: '1' } });
    await runConsumer(ticked, undefined);

    expect(seen).toEqual([['order.paid', { orderId: '1' }], undefined]);
  });

  it.each(['throws', 'rejects'])('tells of a retry when the handler %s', async (how) => {
    const error = new Error('SMTP refused');
    const handler = () => {
      if (how === 'rejects') return Promise.reject(error);
      throw error;
    };

    expect(await runConsumer(handler, undefined)).toEqual({ outcome: 'retry', error });
  });

  it('tells of a dead letter when the handler says that another attempt cannot help', async () => {
    const error = Object.assign(new Error('no such order'), { code: 'non_retryable' });
    const handler = () => {
      throw error;
    };

    expect(await runConsumer(handler, undefined)).toEqual({ outcome: 'dead', error });
  });

  it('passes the fields of the context that it is given', async () => {
    const seen: ConsumerContext<'order.paid'>[] = [];
    const handler: ConsumerHandler<Events, 'order.paid'> = (_, context) => seen.push(context);
    const { signal } = new AbortController();
    const fields = {
      name: 'order.paid',
      id: 'an-id',
      source: '/shop',
      occurredAt: new Date(0),
      attempt: 7,
      key: 'k',
      metadata: { trace_id: 'a' },
      signal,
    } as const;

    await runConsumer(handler, { orderId: '1' }, fields);

    expect(seen).toMatchObject([fields]);
  });

  it('rejects for a payload that JSON cannot carry', async () => {
    const handler = (payload: { readonly at: unknown }) => payload;

    await expect(runConsumer(handler, { at: 1n })).rejects.toMatchObject({ code: 'not_serializable' });
  });

  it('does not compile with a payload that the consumer cannot get', async () => {
    const handler: ConsumerHandler<Events, 'order.placed'> = () => {};
    // @ts-expect-error A Date, or its text, is wanted.
    const wrongTime = runConsumer(handler, { orderId: '1', at: 1, status: 'new', tags: [] });
    // @ts-expect-error The status is none of the two.
    const wrongStatus = runConsumer(handler, { orderId: '1', at: new Date(), status: 'lost', tags: [] });

    expect(await Promise.all([wrongTime, wrongStatus])).toEqual([{ outcome: 'done' }, { outcome: 'done' }]);
    // @ts-expect-error There is no such field in a context.
    expect(() => createConsumerContext({ session: 1 })).toThrow('unknown option session');
  });
});

describe('createConsumerContext', () => {
  it('has a default for every field', () => {
    const context = createConsumerContext();

    expectTypeOf(context).toEqualTypeOf<ConsumerContext>();
    expect(context).toEqual({
      name: 'event',
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      source: '/test',
      occurredAt: expect.any(Date),
      metadata: {},
      key: undefined,
      attempt: 1,
      signal: expect.any(AbortSignal),
    });
    expect(context.signal.aborted).toBe(false);
    expect(createConsumerContext().id).not.toBe(context.id);
  });

  it('is read-only, as that of a bus', () => {
    expect(() => Object.assign(createConsumerContext(), { attempt: 2 })).toThrow(TypeError);
  });

  it('refuses what no context has', () => {
    expect(() => createConsumerContext({ attempt: 0 })).toThrow(
      'context fields.attempt: expected positive integer, got 0',
    );
  });
});
