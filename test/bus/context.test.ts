import { createEventBus, type EventContext } from 'mapbus';
import { UUID } from 'uuidv7';
import { describe, expect, it, vi } from 'vitest';
import { createGate, createLoggedBus, uuidv7Pattern } from '../support.ts';

describe('the context', () => {
  it('holds the name, id, time, metadata and session of the publish', async () => {
    const { subscribe, publish } = createLoggedBus();
    const session = { query: () => {} };
    let seen: Record<string, unknown> = {};
    subscribe('ping', (_, { name, id, occurredAt, metadata, session, signal }) => {
      seen = { name, id, occurredAt, metadata, session, aborted: signal.aborted };
    });
    const before = Date.now();

    const result = await publish('ping', { value: 1 }, { metadata: { ip_address: '::1' }, session });

    expect(seen).toEqual({
      name: 'ping',
      id: result.id,
      occurredAt: result.occurredAt,
      metadata: { ip_address: '::1' },
      session,
      aborted: false,
    });
    expect(result.id).toMatch(uuidv7Pattern);
    expect(result.occurredAt.getTime()).toBeGreaterThanOrEqual(before);
    expect(result.occurredAt.getTime()).toBeLessThanOrEqual(Date.now() + 1);
  });

  it('has empty metadata and no session when the publisher gave none', async () => {
    const { subscribe, publish } = createLoggedBus();
    const seen: unknown[] = [];
    subscribe('ping', (_, { metadata, session }) => seen.push(metadata, session));

    await publish('ping', { value: 1 });
    await publish(
      'ping',
      { value: 1 },
      { session: undefined, metadata: undefined, id: undefined, occurredAt: undefined },
    );

    expect(seen).toEqual([{}, undefined, {}, undefined]);
  });

  it('is made of what the publisher gave, not of what it changes later', async () => {
    const { subscribe, publish } = createLoggedBus();
    const gate = createGate();
    let later: unknown;
    subscribe('ping', async (_, context) => {
      await gate.promise;
      later = [context.metadata, context.occurredAt];
    });
    const metadata: Record<string, string> = { trace_id: 'first' };
    const occurredAt = new Date(0);

    const published = publish('ping', { value: 1 }, { metadata, occurredAt });
    metadata.trace_id = 'second';
    occurredAt.setFullYear(2000);
    gate.open();
    await published;

    expect(later).toEqual([{ trace_id: 'first' }, new Date(0)]);
  });

  it('cannot be changed by a handler for the others', async () => {
    const { subscribe, publish } = createLoggedBus();
    const seen: unknown[] = [];
    subscribe('ping', (_, context) => {
      context.occurredAt.setTime(0);
      (context.metadata as Record<string, string>).trace_id = 'changed';
    });
    subscribe('ping', (_, context) => {
      (context as { id: string }).id = 'changed';
    });
    subscribe('ping', (_, { metadata, occurredAt, id }) =>
      seen.push(metadata, occurredAt.getTime() > 0, id === 'changed'),
    );

    const { failures } = await publish('ping', { value: 1 }, { metadata: { trace_id: 'kept' } });

    expect(seen).toEqual([{ trace_id: 'kept' }, true, false]);
    expect(failures.map(({ error }) => (error as Error).name)).toEqual(['TypeError', 'TypeError']);
  });

  it.each(['name', 'id', 'occurredAt', 'metadata', 'session', 'signal'])(
    'has a %s that cannot be replaced',
    async (field) => {
      const { subscribe, publish } = createLoggedBus();
      const seen: unknown[] = [];
      subscribe('ping', (_, context) => Reflect.set(context, field, 'changed') && seen.push('was set'));
      subscribe('ping', (_, context) => seen.push(Reflect.get(context, field)));

      await publish('ping', { value: 1 }, { session: { query: () => {} } });

      expect(seen).toHaveLength(1);
      expect(seen[0]).not.toBe('changed');
    },
  );

  it('shows a handler nothing of the failures of others', async () => {
    const { subscribe, publish } = createLoggedBus();
    const seen: unknown[] = [];
    subscribe('ping', () => {
      throw new Error('no');
    });
    subscribe('ping', async (_, context) => {
      await undefined;
      seen.push(Reflect.get(context, 'failures'), Reflect.get(context, 'handlerCount'), JSON.stringify(context));
    });

    const { id, occurredAt } = await publish('ping', { value: 1 });

    const shown = { name: 'ping', id, occurredAt: occurredAt.toISOString(), metadata: {} };
    expect(seen).toEqual([undefined, undefined, JSON.stringify(shown)]);
  });

  it('lets its session go when the publish has settled', async () => {
    const { subscribe, publish } = createLoggedBus();
    const session = { query: () => {} };
    const contexts: EventContext[] = [];
    const sessions: unknown[] = [];
    const late = createGate();
    subscribe('ping', (_, context) => {
      contexts.push(context);
      sessions.push(context.session);
    });
    subscribe(
      'ping',
      async (_, context) => {
        await late.promise;
        sessions.push(context.session);
      },
      { timeoutMs: 5 },
    );

    const result = await publish('ping', { value: 1 }, { session });
    late.open();
    await vi.waitFor(() => expect(sessions).toHaveLength(2));

    expect(sessions).toEqual([session, undefined]);
    expect(contexts[0]?.session).toBeUndefined();
    expect(Reflect.get(result, 'session')).toBeUndefined();
  });

  it('gives a signal that nothing holds when the publish has settled', async () => {
    const { subscribe, publish, close } = createLoggedBus();
    let context: EventContext | undefined;
    subscribe('ping', (_, received) => {
      context = received;
    });
    subscribe('pong', () => createGate().promise);
    await publish('ping', { value: 1 });
    const signal = context?.signal;
    void publish('pong', { value: 1 });

    await close({ drainTimeoutMs: 0 });

    expect(signal?.aborted).toBe(false);
    expect(context?.signal).toBe(signal);
  });

  it('has one signal however often it is read', () => {
    const { subscribe, publish } = createLoggedBus();
    const signals = new Set<AbortSignal>();
    subscribe('ping', (_, context) => signals.add(context.signal).add(context.signal));

    publish('ping', { value: 1 });

    expect(signals.size).toBe(1);
  });

  it('takes the id and the time that the publisher gives', async () => {
    const { subscribe, publish } = createLoggedBus();
    let context: EventContext | undefined;
    subscribe('ping', (_, received) => {
      context = received;
    });
    const occurredAt = new Date('2020-02-02T02:02:02.222Z');

    const result = await publish('ping', { value: 1 }, { id: 'relayed', occurredAt });

    expect(context?.id).toBe('relayed');
    expect(context?.occurredAt).toEqual(occurredAt);
    expect(result).toMatchObject({ id: 'relayed', occurredAt });
  });
});

describe('a result', () => {
  const createSettled = async () => {
    const { subscribe, publish } = createLoggedBus();
    subscribe('ping', () => {}, { name: 'fine' });
    subscribe('ping', () => Promise.reject(new Error('no')), { name: 'broken' });
    return publish('ping', { value: 1 }, { metadata: { trace_id: 'a' }, session: { query: () => {} } });
  };

  it.each(['id', 'occurredAt', 'handlerCount', 'failures', 'error'])(
    'has a %s that cannot be replaced',
    async (field) => {
      const result = await createSettled();

      expect(Reflect.set(result, field, 'changed')).toBe(false);
      expect(Reflect.get(result, field)).not.toBe('changed');
    },
  );

  it('has failures that cannot be changed', async () => {
    const { failures } = await createSettled();

    expect(Object.isFrozen(failures)).toBe(true);
    expect(Object.isFrozen(failures[0])).toBe(true);
    expect(Object.isFrozen((await createLoggedBus().publish('cleared')).failures)).toBe(true);
  });

  it('shows as JSON what a person wants to know, and no session', async () => {
    const result = await createSettled();

    expect(JSON.parse(JSON.stringify(result))).toEqual({
      name: 'ping',
      id: result.id,
      occurredAt: result.occurredAt.toISOString(),
      metadata: { trace_id: 'a' },
      handlerCount: 2,
      failures: [{ handlerName: 'broken', error: 'no' }],
    });
  });

  it('shows as JSON why an event was refused', async () => {
    const { publish } = createLoggedBus();

    const refused = JSON.parse(JSON.stringify(await publish('ping', { value: 1 }, { id: '' })));

    expect(refused.error).toEqual({ code: 'invalid_options', message: expect.stringContaining('publish options.id') });
  });
});

describe('an id', () => {
  it('is the same wherever the event is seen', async () => {
    const { subscribe, subscribeAll, publish, logged } = createLoggedBus();
    const ids: string[] = [];
    subscribe('ping', (_, { id }) => ids.push(id));
    subscribeAll((_, { id }) => ids.push(id));
    subscribe('ping', () => {
      throw new Error('no');
    });

    const { id } = await publish('ping', { value: 1 });

    expect(ids).toEqual([id, id]);
    expect(logged('event_handler_failed')[0]?.fields.eventId).toBe(id);
    expect(logged('event_publishing')[0]?.fields.eventId).toBe(id);
  });

  it('tells the time of its publish', async () => {
    const { subscribe, publish } = createLoggedBus();
    subscribe('ping', () => {});

    const { id, occurredAt } = await publish('ping', { value: 1 });

    expect(Number.parseInt(id.slice(0, 13).replace('-', ''), 16)).toBe(occurredAt.getTime());
  });

  it('increases in publish order, whatever the order of reading', () => {
    const { subscribe, publish } = createLoggedBus({ logPublish: () => false });
    const contexts: EventContext[] = [];
    subscribe('ping', (_, context) => contexts.push(context));

    for (let value = 0; value < 5_000; value++) publish('ping', { value });
    const readBackwards = contexts.toReversed().map(({ id }) => id);

    expect(readBackwards.toReversed()).toEqual(readBackwards.toSorted());
    expect(new Set(readBackwards).size).toBe(5_000);
    for (const id of readBackwards) expect(id).toMatch(uuidv7Pattern);
  });

  it('ends in 48 random bits', async () => {
    const { subscribe, publish } = createLoggedBus();
    subscribe('ping', () => {});
    const ends: bigint[] = [];

    for (let value = 0; value < 1_000; value++) {
      const { id } = await publish('ping', { value });
      ends.push(BigInt(`0x${id.slice(19).replace('-', '')}`) & (2n ** 48n - 1n));
    }

    expect(new Set(ends).size).toBe(1_000);
    // By chance outside of this once in a billion times for each bit.
    for (let bit = 0n; bit < 48n; bit++) {
      const ones = ends.filter((end) => (end >> bit) & 1n).length;
      expect(ones).toBeGreaterThan(400);
      expect(ones).toBeLessThan(600);
    }
  });

  it('begins its counter at a number of its own for each bus', async () => {
    vi.spyOn(Date, 'now').mockReturnValue(1_800_000_000_000);
    const counters = await Promise.all(
      Array.from({ length: 50 }, async () => (await createLoggedBus().publish('ping', { value: 1 })).id.slice(13, 23)),
    );

    expect(new Set(counters).size).toBeGreaterThan(45);
  });

  it('increases while the clock is set back, however far', () => {
    const { subscribe, publish } = createLoggedBus();
    const contexts: EventContext[] = [];
    subscribe('ping', (_, context) => contexts.push(context));
    const start = Date.now();
    const clock = vi.spyOn(Date, 'now');

    for (const offset of [0, -5, -3_600_000, 0, 1, -1e12]) {
      clock.mockReturnValue(start + offset);
      publish('ping', { value: 1 });
    }

    const ids = contexts.map(({ id }) => id);
    expect(ids).toEqual(ids.toSorted());
    expect(new Set(ids).size).toBe(6);
    expect(contexts.map(({ occurredAt }) => occurredAt.getTime() - start)).toEqual([0, -5, -3_600_000, 0, 1, -1e12]);
  });

  it('keeps the time of the clock at any rate of publishes', () => {
    const { publish, subscribe } = createLoggedBus({ logPublish: () => false });
    let last: EventContext | undefined;
    subscribe('ping', (_, context) => {
      last = context;
    });
    const clock = vi.spyOn(Date, 'now').mockReturnValue(1_800_000_000_000);

    for (let value = 0; value < 100_000; value++) publish('ping', { value });
    const before = last?.id ?? '';
    clock.mockReturnValue(1_800_000_000_001);
    publish('ping', { value: 1 });

    expect(Number.parseInt(before.slice(0, 13).replace('-', ''), 16)).toBe(1_800_000_000_000);
    expect(String(last?.id) > before).toBe(true);
  });

  it.each([
    ['far in the past', -3e11],
    ['after the year 10889', 2 ** 48 + 5],
    ['no number', Number.NaN],
    ['a big integer', 1_800_000_000_000n as never],
    ['a symbol', Symbol('now') as never],
    ['a fraction', 1_800_000_000_000.7],
  ])('is a UUIDv7 in order when the clock is %s', async (_, now) => {
    vi.spyOn(Date, 'now').mockReturnValue(now);
    const { publish } = createLoggedBus();

    const ids = [];
    for (let value = 0; value < 5; value++) ids.push((await publish('ping', { value })).id);

    expect(ids).toEqual(ids.toSorted());
    for (const id of ids) expect(id).toMatch(uuidv7Pattern);
  });

  it('is generated for a clock that throws', async () => {
    vi.spyOn(Date, 'now').mockImplementation(() => {
      throw new Error('no clock');
    });
    const { publish, subscribe } = createLoggedBus();
    subscribe('ping', () => {});

    expect((await publish('ping', { value: 1 })).id).toMatch(uuidv7Pattern);
  });

  it('has the same form whatever the time', async () => {
    const { subscribe, publish } = createLoggedBus();
    subscribe('ping', () => {});
    // The lower half of the time is 15 here, and lies so far ahead that the true clock is followed afterwards.
    const time = (Math.floor(Date.now() / 65_536) + 2) * 65_536 + 15;
    vi.spyOn(Date, 'now').mockReturnValue(time);

    const { id } = await publish('ping', { value: 1 });

    expect(id).toMatch(uuidv7Pattern);
    expect(id.slice(9, 13)).toBe('000f');
  });

  it('is generated when read', async () => {
    const generated = vi.spyOn(UUID, 'fromFieldsV7');
    const bus = createEventBus<{ ping: number }>({ observers: [{ handle: (_, run) => run() }] });
    bus.subscribe('ping', () => {});
    bus.subscribe('ping', async () => {});

    const result = await bus.publish('ping', 1);
    expect(generated).not.toHaveBeenCalled();
    expect(result.id).toMatch(uuidv7Pattern);

    expect(generated).toHaveBeenCalledOnce();
  });
});

describe('getMetadata and getSession', () => {
  it('show the publish that runs the current code, until the first await', async () => {
    const { subscribe, publish, getMetadata, getSession } = createLoggedBus();
    const session = { query: () => {} };
    const seen: unknown[] = [];
    subscribe('ping', async () => {
      seen.push(getMetadata(), getSession());
      await undefined;
      seen.push(getMetadata(), getSession());
    });

    const published = publish('ping', { value: 1 }, { metadata: { trace_id: 'a' }, session });
    expect(getMetadata()).toEqual({});
    expect(getSession()).toBeUndefined();
    await published;

    expect(seen).toEqual([{ trace_id: 'a' }, session, {}, undefined]);
  });

  it('show the outer publish again after a nested one', () => {
    const { subscribe, publish, getMetadata } = createLoggedBus();
    const seen: unknown[] = [];
    subscribe('ping', () => {
      publish('pong', { value: 1 }, { metadata: { trace_id: 'inner' } });
      seen.push(getMetadata().trace_id);
    });
    subscribe('pong', () => {
      seen.push(getMetadata().trace_id);
      throw new Error('no');
    });

    publish('ping', { value: 1 }, { metadata: { trace_id: 'outer' } });

    expect(seen).toEqual(['inner', 'outer']);
  });

  it('belong to one bus', () => {
    const first = createLoggedBus();
    const second = createLoggedBus();
    const seen: unknown[] = [];
    first.subscribe('ping', () => seen.push(second.getMetadata()));

    first.publish('ping', { value: 1 }, { metadata: { trace_id: 'a' } });

    expect(seen).toEqual([{}]);
  });

  it('ask the contextStorage if there is one', async () => {
    let store: EventContext | undefined;
    const contextStorage = {
      getStore: () => store,
      run: <Result>(context: EventContext, run: () => Result): Result => {
        store = context;
        return run();
      },
    };
    const { subscribe, publish, getMetadata, getSession } = createLoggedBus({ contextStorage });
    const session = { query: () => {} };
    const gate = createGate();
    subscribe('ping', () => gate.promise);
    expect(getMetadata()).toEqual({});

    const published = publish('ping', { value: 1 }, { metadata: { trace_id: 'a' }, session });

    expect(getMetadata()).toEqual({ trace_id: 'a' });
    expect(getSession()).toBe(session);
    gate.open();
    await published;
    expect(getSession()).toBeUndefined();
  });
});
