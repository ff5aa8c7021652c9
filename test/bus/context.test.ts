import type { EventContext } from 'mapbus';
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

  it('ends in 62 random bits', async () => {
    const { subscribe, publish } = createLoggedBus();
    subscribe('ping', () => {});
    const ends: bigint[] = [];

    for (let value = 0; value < 1_000; value++) {
      const { id } = await publish('ping', { value });
      ends.push(BigInt(`0x${id.slice(19).replace('-', '')}`) & (2n ** 62n - 1n));
    }

    expect(new Set(ends).size).toBe(1_000);
    // By chance outside of this once in a billion times for each bit.
    for (let bit = 0n; bit < 62n; bit++) {
      const ones = ends.filter((end) => (end >> bit) & 1n).length;
      expect(ones).toBeGreaterThan(400);
      expect(ones).toBeLessThan(600);
    }
  });

  it('increases while the clock is set back, and follows it after ten seconds', () => {
    const { subscribe, publish } = createLoggedBus();
    const contexts: EventContext[] = [];
    subscribe('ping', (_, context) => contexts.push(context));
    const start = Date.now() + 60_000;
    const clock = vi.spyOn(Date, 'now');

    for (const offset of [0, -9_999, 5, -20_000]) {
      clock.mockReturnValue(start + offset);
      publish('ping', { value: 1 });
    }
    clock.mockRestore();

    const [first = '', back = '', forth = '', reset = ''] = contexts.map(({ id }) => id);
    expect(back > first).toBe(true);
    expect(forth > back).toBe(true);
    expect(reset < first).toBe(true);
    expect(contexts.map(({ occurredAt }) => occurredAt.getTime() - start)).toEqual([0, 0, 5, -20_000]);
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

  it('is not made when nobody reads it', async () => {
    const random = vi.spyOn(crypto, 'getRandomValues');
    const { createEventBus } = await import('mapbus');
    const bus = createEventBus<{ ping: number }>();
    bus.subscribe('ping', () => {});
    bus.subscribe('ping', async () => {});

    await bus.publish('ping', 1);

    expect(random).not.toHaveBeenCalled();
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
    subscribe('ping', () => {});
    expect(getMetadata()).toEqual({});

    await publish('ping', { value: 1 }, { metadata: { trace_id: 'a' }, session });

    expect(getMetadata()).toEqual({ trace_id: 'a' });
    expect(getSession()).toBe(session);
  });
});
