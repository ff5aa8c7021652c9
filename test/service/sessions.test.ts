import type { Message } from 'mapbus/transport';
import { describe, expect, it, vi } from 'vitest';
import { createGate } from '../support.ts';
import { createFakeTransport, createShop, FEATURES, laterTurns } from './support.ts';

interface Session {
  readonly rows: string[];
}

/** A transport that inserts events into a session, as a database does. */
const createEnlisting = (refuseSession?: (session: unknown) => string | undefined) => {
  const { transport } = createFakeTransport({
    features: { ...FEATURES, enlists: true },
    refuseSession,
    publish: async ({ name, id }: Message, { session }) => {
      (session as Session | undefined)?.rows.push(`${name} ${id}`);
      return {};
    },
  });
  return transport;
};

describe('over a transport that cannot enlist, a publish with a session', () => {
  it('of a name in sends is refused before anything runs', async () => {
    const { transport, published } = createFakeTransport();
    const { subscribe, publish, logged } = createShop({ transport, sends: ['order.placed'] });
    const handler = vi.fn();
    subscribe('order.placed', handler);

    const { error, handlerCount } = await publish('order.placed', { orderId: '1' }, { session: {} });

    expect(error).toMatchObject({
      code: 'session_unsupported',
      outcome: 'not-sent',
      message: expect.stringContaining('outbox'),
    });
    expect(handlerCount).toBe(0);
    expect(handler).not.toHaveBeenCalled();
    expect(published).toEqual([]);
    expect(logged('event_publish_failed')).toHaveLength(1);
  });

  it('of another name gives the session to its handlers', async () => {
    const { transport } = createFakeTransport();
    const { subscribe, publish } = createShop({ transport, sends: ['order.placed'] });
    const session = {};
    const sessions: unknown[] = [];
    subscribe('order.paid', (_, context) => sessions.push(context.session));

    const { error } = await publish('order.paid', { orderId: '1' }, { session });

    expect(error).toBeUndefined();
    expect(sessions[0]).toBe(session);
  });
});

describe('over a transport that enlists, a publish with a session', () => {
  it('is inserted after its handlers have settled', async () => {
    const { subscribe, publish } = createShop({ transport: createEnlisting() });
    const session: Session = { rows: [] };
    subscribe('order.paid', async (_, context) => {
      (context.session as Session).rows.push('savepoint');
      await laterTurns();
      (context.session as Session).rows.push('rolled back to savepoint');
    });

    const { id, error } = await publish('order.paid', { orderId: '1' }, { session });

    expect(error).toBeUndefined();
    expect(session.rows).toEqual(['savepoint', 'rolled back to savepoint', `order.paid ${id}`]);
  });

  it('without a session in fact, being null, is published as ever', async () => {
    const { transport, published } = createFakeTransport();
    const { publish } = createShop({ transport });

    const { error } = await publish('order.paid', { orderId: '1' }, { session: null as never });

    expect(error).toBeUndefined();
    expect(published).toHaveLength(1);
  });

  it('is refused in time when it waits for itself, as in a handler that does not pass its context', async () => {
    const { subscribe, publish } = createShop({
      transport: createEnlisting(),
      contextStorage: false,
      publishTimeoutMs: 20,
    });
    const session: Session = { rows: [] };
    const errors: unknown[] = [];
    subscribe('order.placed', async () => {
      await laterTurns(1);
      const { error } = await publish('order.paid', { orderId: '1' }, { session });
      errors.push(error);
    });

    const { id, error } = await publish('order.placed', { orderId: '1' }, { session });

    expect(error).toBeUndefined();
    expect(errors).toMatchObject([
      { code: 'publish_timeout', outcome: 'not-sent', message: expect.stringContaining('{ from: context }') },
    ]);
    expect(session.rows).toEqual([`order.placed ${id}`]);
  });

  it('waits for the one before it: a savepoint of one must not take the event of another with it', async () => {
    const { subscribe, publish } = createShop({ transport: createEnlisting() });
    const session: Session = { rows: [] };
    const other: Session = { rows: [] };
    const gate = createGate();
    subscribe('order.placed', () => gate.promise);

    const first = publish('order.placed', { orderId: '1' }, { session });
    const second = publish('order.paid', { orderId: '1' }, { session });
    await publish('order.paid', { orderId: '2' }, { session: other });
    expect(session.rows).toEqual([]);
    expect(other.rows).toHaveLength(1);
    gate.open();
    const ids = [(await first).id, (await second).id];

    expect(session.rows).toEqual([`order.placed ${ids[0]}`, `order.paid ${ids[1]}`]);
  });

  it.each([
    ['with the AsyncLocalStorage', undefined, false],
    ['with from, without an AsyncLocalStorage,', false, true],
  ] as const)(
    'in a handler of the session does not wait for its own publish, %s',
    async (_, contextStorage, isExplicit) => {
      const { subscribe, publish } = createShop({ transport: createEnlisting(), contextStorage });
      const session: Session = { rows: [] };
      subscribe('order.placed', async ({ orderId }, context) => {
        await laterTurns(1);
        const given = isExplicit ? { session: context.session, from: context } : { session: context.session };
        await publish('order.paid', { orderId }, { ...given, id: 'inner' } as object);
      });

      const { id } = await publish('order.placed', { orderId: '1' }, { session });

      expect(session.rows).toEqual(['order.paid inner', `order.placed ${id}`]);
    },
  );

  it('goes on after one that was refused or has failed', async () => {
    const { publish, subscribe } = createShop({ transport: createEnlisting(), maxEventBytes: 400 });
    const session: Session = { rows: [] };
    subscribe('order.paid', () => Promise.reject(new Error('no')));

    const results = await Promise.all([
      publish('order.paid', { orderId: 'x'.repeat(500) }, { session }),
      publish('order.paid', { orderId: '1' }, { session }),
      publish('order.placed', { orderId: '1' }, { session }),
    ]);

    expect(results.map(({ error }) => error?.code)).toEqual(['too_large', undefined, undefined]);
    expect(results.map(({ failures }) => failures.length)).toEqual([0, 1, 0]);
    expect(session.rows).toHaveLength(2);
  });

  it('does not fail for a context whose session cannot be read', async () => {
    const { publish } = createShop({ transport: createEnlisting() });
    const session: Session = { rows: [] };
    const from = {
      metadata: {},
      get session(): never {
        throw new Error('touched');
      },
    };

    const { error } = await publish('order.paid', { orderId: '1' }, { session, from });

    expect(error).toBeUndefined();
    expect(session.rows).toHaveLength(1);
  });

  it('takes a session that is no object', async () => {
    const { publish } = createShop({
      transport: createFakeTransport({ features: { ...FEATURES, enlists: true } }).transport,
    });

    const { error } = await publish('order.paid', { orderId: '1' }, { session: 7 as never });

    expect(error).toBeUndefined();
  });

  it('is refused before anything runs if the transport cannot use the session', async () => {
    const transport = createEnlisting(() => 'the session is no client of this database');
    const { subscribe, publish } = createShop({ transport });
    const session: Session = { rows: [] };
    const handler = vi.fn();
    subscribe('order.paid', handler);

    const { error } = await publish('order.paid', { orderId: '1' }, { session });

    expect(error).toMatchObject({
      code: 'session_unsupported',
      outcome: 'not-sent',
      message: expect.stringContaining('Cannot publish order.paid: the session is no client of this database'),
    });
    expect(handler).not.toHaveBeenCalled();
    expect(session.rows).toEqual([]);
    expect((await publish('order.paid', { orderId: '1' })).error).toBeUndefined();
  });
});
