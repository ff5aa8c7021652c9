import { createEventBus, type Metadata, withMetadata } from 'mapbus';
import { describe, expect, it, vi } from 'vitest';
import { createGate, createLoggedBus } from '../support.ts';

describe('metadata', () => {
  it('is a frozen copy', async () => {
    const { subscribe, publish } = createLoggedBus();
    const metadata: Record<string, string> = { trace_id: 'a' };
    const seen: Metadata[] = [];
    subscribe('ping', (_, context) => seen.push(context.metadata));

    await publish('ping', { value: 1 }, { metadata });
    metadata.trace_id = 'changed';

    expect(seen).toEqual([{ trace_id: 'a' }]);
    expect(Object.isFrozen(seen[0])).toBe(true);
  });

  it('leaves out what is undefined', async () => {
    const { subscribe, publish } = createLoggedBus({ metadata: () => ({ user: 'default', trace_id: undefined }) });
    const seen: Metadata[] = [];
    subscribe('ping', (_, context) => seen.push(context.metadata));

    await publish('ping', { value: 1 }, { metadata: { user: undefined, ip_address: '::1' } });

    expect(seen.map((metadata) => Object.entries(metadata))).toEqual([
      [
        ['user', 'default'],
        ['ip_address', '::1'],
      ],
    ]);
  });

  it('reads as undefined for each key that is not there', async () => {
    const { subscribe, publish, getMetadata } = createLoggedBus();
    const seen: unknown[] = [getMetadata().constructor];
    subscribe('ping', (_, { metadata }) => seen.push(metadata.constructor, metadata.toString, metadata.valueOf));

    await publish('ping', { value: 1 });
    await publish('ping', { value: 1 }, { metadata: { trace_id: 'a' } });

    expect(seen).toEqual(Array.from({ length: 7 }, () => undefined));
  });

  it('keeps every key, __proto__ included', async () => {
    const { subscribe, publish } = createLoggedBus();
    const seen: string[] = [];
    subscribe('ping', (_, { metadata }) => seen.push(JSON.stringify(metadata)));

    await publish('ping', { value: 1 }, { metadata: JSON.parse('{"__proto__":"a","constructor":"b"}') });

    expect(seen).toEqual(['{"__proto__":"a","constructor":"b"}']);
  });
});

describe('the option metadata', () => {
  it('adds to every publish, and the publisher wins', async () => {
    let count = 0;
    const { subscribe, publish } = createLoggedBus({ metadata: () => ({ host: 'a', count: String(++count) }) });
    const seen: Metadata[] = [];
    subscribe('ping', (_, { metadata }) => seen.push(metadata));

    await publish('ping', { value: 1 });
    await publish('ping', { value: 1 }, { metadata: { host: 'own' } });

    expect(seen).toEqual([
      { host: 'a', count: '1' },
      { host: 'own', count: '2' },
    ]);
  });

  it('gets empty metadata outside of handlers', async () => {
    const add = vi.fn(() => ({}));
    const { publish } = createLoggedBus({ metadata: add });

    await publish('ping', { value: 1 }, { metadata: { trace_id: 'own' } });

    expect(add).toHaveBeenCalledExactlyOnceWith({});
  });

  const carryTraceOn = ({ trace_id = 'new' }: Metadata) => ({ trace_id });

  it('carries a trace id on to what a handler publishes before its first await', async () => {
    const { subscribe, publish } = createLoggedBus({ metadata: carryTraceOn });
    const seen: unknown[] = [];
    subscribe('ping', ({ value }) => void publish('pong', { value }));
    subscribe('pong', () => void publish('cleared'));
    subscribe('cleared', (_, { metadata }) => seen.push(metadata.trace_id));

    await publish('ping', { value: 1 }, { metadata: { trace_id: 'a' } });
    await publish('ping', { value: 1 });

    expect(seen).toEqual(['a', 'new']);
  });

  it('carries a trace id on to what a handler publishes later with from', async () => {
    const { subscribe, publish, idle } = createLoggedBus({ metadata: carryTraceOn });
    const seen: unknown[] = [];
    const gate = createGate();
    subscribe('ping', async ({ value }, context) => {
      await gate.promise;
      void publish('pong', { value }, { from: context });
      void publish('pong', { value });
    });
    subscribe('pong', async (_, context) => {
      await undefined;
      void publish('cleared', undefined, { from: context });
    });
    subscribe('cleared', (_, { metadata }) => seen.push(metadata.trace_id));
    void publish('ping', { value: 1 }, { metadata: { trace_id: 'a' } });
    void publish('ping', { value: 1 }, { metadata: { trace_id: 'b' } });

    gate.open();
    await idle();

    expect(seen.sort()).toEqual(['a', 'b', 'new', 'new']);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('no');
      },
      new Error('no'),
    ],
    ['returns a number', () => 7, new TypeError('[mapbus] The option metadata: expected object of strings, got 7')],
    [
      'returns a promise',
      async () => ({ a: 'a' }),
      new TypeError('[mapbus] The option metadata: expected object of strings, got Promise'),
    ],
    [
      'returns a value that is no string',
      () => ({ a: 1 }),
      new TypeError('[mapbus] The option metadata.a: expected string, got 1'),
    ],
  ])('that %s is reported once, and events are published without it', async (_, add, error) => {
    const reported = vi.spyOn(console, 'error').mockReturnValue();
    const { subscribe, publish } = createLoggedBus({ metadata: add as never });
    const seen: unknown[] = [];
    subscribe('ping', (_, { metadata }) => seen.push(metadata));

    await publish('ping', { value: 1 });
    const result = await publish('ping', { value: 1 }, { metadata: { own: 'own' } });

    expect(result.error).toBeUndefined();
    expect(seen).toEqual([{}, { own: 'own' }]);
    const message = '[mapbus] The option metadata failed. Its further failures are not shown.';
    expect(reported.mock.calls).toEqual([[message, error]]);
  });
});

it('an option metadata that fails leaves what from carries', async () => {
  vi.spyOn(console, 'error').mockReturnValue();
  const { subscribe, publish } = createLoggedBus({
    metadata: () => {
      throw new Error('no');
    },
  });
  const seen: unknown[] = [];
  subscribe('ping', (_, { metadata }) => seen.push(metadata));

  await publish('ping', { value: 1 }, { from: { metadata: { trace_id: 'a' } } });

  expect(seen).toEqual([{ trace_id: 'a' }]);
});

describe('the option from of publish', () => {
  it('carries all metadata on when the bus adds none', async () => {
    const { subscribe, publish } = createLoggedBus();
    const seen: unknown[] = [];
    subscribe('ping', async ({ value }, context) => {
      await publish('pong', { value }, { from: context, metadata: { user: 'own' } });
    });
    subscribe('pong', (_, { metadata }) => seen.push(metadata));

    await publish('ping', { value: 1 }, { metadata: { trace_id: 'a', user: 'ada' } });

    expect(seen).toEqual([{ trace_id: 'a', user: 'own' }]);
  });
});

describe('withMetadata', () => {
  it('adds metadata beneath what the publisher passes', () => {
    expect(withMetadata([{ value: 1 }], { a: '1' })).toEqual([{ value: 1 }, { metadata: { a: '1' } }]);
    expect(withMetadata([{ value: 1 }, { id: 'x', metadata: { a: 'own', b: 'own' } }], { a: '1', c: '1' })).toEqual([
      { value: 1 },
      { id: 'x', metadata: { a: 'own', b: 'own', c: '1' } },
    ]);
    expect(withMetadata([], { a: '1' })).toEqual([undefined, { metadata: { a: '1' } }]);
  });

  it('leaves metadata that is no object to the bus', () => {
    expect(withMetadata([1, { metadata: 5 }] as never, { a: '1' })).toEqual([1, { metadata: 5 }]);
  });

  it('throws a TypeError for what is no object of strings', () => {
    expect(() => withMetadata([], { attempt: 1 } as never)).toThrow(
      new TypeError('[mapbus] withMetadata metadata.attempt: expected string, got 1'),
    );
  });
});

describe('a bus that is wrapped', () => {
  it('keeps all its members, and its wrapped publish serves them', async () => {
    const bus = createEventBus<{ ping: number }>();
    const wrapped: typeof bus = {
      ...bus,
      publish: (name, ...args) => bus.publish(name, ...withMetadata(args, { trace_id: 'wrapped' })),
    };
    const seen: unknown[] = [];
    wrapped.subscribe('ping', (_, { metadata }) => seen.push(metadata));

    const { handlerCount } = await wrapped.publish('ping', 1);
    await wrapped[Symbol.asyncDispose]();

    expect([handlerCount, seen]).toEqual([1, [{ trace_id: 'wrapped' }]]);
    expect((await wrapped.publish('ping', 1)).error?.code).toBe('closed');
  });
});
