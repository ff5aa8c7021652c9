import type { Message } from 'mapbus/transport';
import { describe, expect, it } from 'vitest';
import { createGate } from '../support.ts';
import { createFakeTransport, createShop, FEATURES } from './support.ts';

/** A transport that enlists in any session but strings, and what it was told. */
const createEnlisting = (publish: (message: Message) => Promise<object> = async () => ({})) => {
  const vetoes: (readonly [session: unknown, reason: string])[] = [];
  const { transport } = createFakeTransport({
    features: { ...FEATURES, enlists: true },
    refuseSession: (session) => (typeof session === 'string' ? 'expected a transaction' : undefined),
    publish,
    veto: async (session, reason) => {
      vetoes.push([session, reason]);
    },
  });
  return { transport, vetoes };
};

describe('an event that is refused makes the commit of its session fail', () => {
  it('when it is too large', async () => {
    const { transport, vetoes } = createEnlisting();
    const { publish } = createShop({ transport, maxEventBytes: 300 });
    const session = {};

    await publish('order.placed', { orderId: 'x'.repeat(300) }, { session });

    expect(vetoes).toEqual([[session, expect.stringMatching(/^order\.placed: too_large: Cannot publish/)]]);
  });

  it('when its options are wrong', async () => {
    const { transport, vetoes } = createEnlisting();
    const { publish } = createShop({ transport });
    const session = {};

    await publish('order.placed', { orderId: '1' }, { session, id: '' });

    expect(vetoes).toEqual([[session, expect.stringContaining('invalid_options')]]);
  });

  it('when the bus is closed', async () => {
    const { transport, vetoes } = createEnlisting();
    const { publish, bus } = createShop({ transport });
    await bus.close();
    const session = {};

    await publish('order.placed', { orderId: '1' }, { session });

    expect(vetoes).toEqual([[session, expect.stringContaining('closed')]]);
  });

  it('when the transport has not taken it', async () => {
    const { transport, vetoes } = createEnlisting(() => Promise.reject(new Error('no room')));
    const { publish } = createShop({ transport });
    const session = {};

    const { error } = await publish('order.placed', { orderId: '1' }, { session });

    expect(error).toMatchObject({ code: 'transport_unavailable' });
    expect(vetoes).toEqual([[session, expect.stringContaining('no room')]]);
  });

  it('after the publishes before it with this session', async () => {
    const gate = createGate();
    const { transport, vetoes } = createEnlisting(async () => {
      await gate.promise;
      return {};
    });
    const { publish } = createShop({ transport, maxEventBytes: 300 });
    const session = {};
    const first = publish('order.placed', { orderId: '1' }, { session });
    const second = publish('order.placed', { orderId: 'x'.repeat(300) }, { session });
    await new Promise((resolve) => setImmediate(resolve));
    expect(vetoes).toEqual([]);

    gate.open();
    await Promise.all([first, second]);

    expect(vetoes).toHaveLength(1);
  });
});

describe('nothing is told to a transport', () => {
  it('without a session', async () => {
    const { transport, vetoes } = createEnlisting();
    const { publish } = createShop({ transport, maxEventBytes: 300 });

    await publish('order.placed', { orderId: 'x'.repeat(300) });
    await publish('order.placed', { orderId: 'x'.repeat(300) }, { session: null as never });

    expect(vetoes).toEqual([]);
  });

  it('of a value that is no session', async () => {
    const { transport, vetoes } = createEnlisting();
    const { publish } = createShop({ transport });

    const { error } = await publish('order.placed', { orderId: '1' }, { session: 'pool' as never });

    expect(error).toMatchObject({ code: 'session_unsupported' });
    expect(vetoes).toEqual([]);
  });

  it('of an event that it does not carry', async () => {
    const { transport, vetoes } = createEnlisting();
    const { publish } = createShop({ transport, sends: ['order.paid'] });

    await publish('order.placed', { orderId: '1' }, { session: {}, id: '' });

    expect(vetoes).toEqual([]);
  });
});

it('a veto that fails or hangs leaves the result as it is', async () => {
  const answers = [() => Promise.reject(new Error('aborted')), () => new Promise<void>(() => {})];
  for (const veto of answers) {
    const { transport } = createFakeTransport({ features: { ...FEATURES, enlists: true }, veto });
    const { publish, logged } = createShop({ transport, maxEventBytes: 300, publishTimeoutMs: 20 });

    const { error } = await publish('order.placed', { orderId: 'x'.repeat(300) }, { session: {} });

    expect(error).toMatchObject({ code: 'too_large' });
    expect(logged('event_veto_failed')).toHaveLength(1);
  }
});
