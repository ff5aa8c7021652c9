import { eventsOf } from 'mapbus';
import { describe, expect, it, vi } from 'vitest';
import { createLoggedBus } from '../support.ts';

describe('eventsOf', () => {
  it('iterates over the events from its call on', async () => {
    const { bus, publish, handlerCount } = createLoggedBus();
    await publish('ping', { value: 0 });
    const events = eventsOf(bus, 'ping');
    await publish('ping', { value: 1 });
    await publish('ping', { value: 2 });

    const values: number[] = [];
    for await (const { value } of events) {
      values.push(value);
      if (value === 2) void publish('ping', { value: 3 });
      if (value === 3) break;
    }

    expect(values).toEqual([1, 2, 3]);
    expect(handlerCount()).toBe(0);
  });

  it('gives waiting consumers one event each, in order', async () => {
    const { bus, publish } = createLoggedBus();
    const events = eventsOf(bus, 'ping');
    const received = Promise.all([events.next(), events.next()]);

    await publish('ping', { value: 1 });
    await publish('ping', { value: 2 });

    expect(await received).toEqual([
      { done: false, value: { value: 1 } },
      { done: false, value: { value: 2 } },
    ]);
  });

  it('fails visibly for an event that finds the buffer full, and goes on', async () => {
    const { bus, publish, logged } = createLoggedBus();
    const events = eventsOf(bus, 'ping', { highWaterMark: 2 });

    const results = [1, 2, 3].map((value) => publish('ping', { value }));
    const failures = (await Promise.all(results)).map((result) => result.failures);

    expect(failures).toMatchObject([[], [], [{ handlerName: 'eventsOf', error: { code: 'buffer_full' } }]]);
    expect(logged('event_handler_failed')[0]?.fields.errorMessage).toBe(
      '[mapbus] eventsOf skipped an event of ping: 2 wait already',
    );
    expect((await events.next()).value).toEqual({ value: 1 });
    expect((await publish('ping', { value: 4 })).failures).toEqual([]);
    expect((await events.next()).value).toEqual({ value: 2 });
    expect((await events.next()).value).toEqual({ value: 4 });
  });

  it('keeps a thousand events by default', async () => {
    const { bus, publish } = createLoggedBus({ logPublish: () => false });
    eventsOf(bus, 'ping');
    for (let value = 0; value < 1_000; value++) expect((await publish('ping', { value })).failures).toEqual([]);

    expect((await publish('ping', { value: 1_000 })).failures).toHaveLength(1);
  });

  it('ends when its signal is aborted, after what it has kept', async () => {
    const { bus, publish, handlerCount } = createLoggedBus();
    const controller = new AbortController();
    const added = vi.spyOn(controller.signal, 'addEventListener');
    const removed = vi.spyOn(controller.signal, 'removeEventListener');
    const events = eventsOf(bus, 'ping', { signal: controller.signal });
    await publish('ping', { value: 1 });
    controller.abort();

    expect(await events.next()).toEqual({ done: false, value: { value: 1 } });
    expect(await events.next()).toEqual({ done: true, value: undefined });
    expect(handlerCount()).toBe(0);
    const removals = removed.mock.calls.map(([type, listener]) => [type, listener]);
    for (const [type, listener] of added.mock.calls) expect(removals).toContainEqual([type, listener]);
  });

  it('ends who waits when its signal is aborted', async () => {
    const { bus } = createLoggedBus();
    const controller = new AbortController();
    const events = eventsOf(bus, 'ping', { signal: controller.signal });
    const waiting = events.next();

    controller.abort();

    expect(await waiting).toEqual({ done: true, value: undefined });
  });

  it('ends when the bus closes, after what it has kept', async () => {
    const { bus, publish, close } = createLoggedBus();
    const events = eventsOf(bus, 'ping');
    await publish('ping', { value: 1 });
    const values: number[] = [];

    await close();
    for await (const { value } of events) values.push(value);

    expect(values).toEqual([1]);
  });

  it('ends who waits when the bus closes', async () => {
    const { bus, close } = createLoggedBus();
    const waiting = eventsOf(bus, 'ping').next();

    await close();

    expect(await waiting).toEqual({ done: true, value: undefined });
  });

  it('ends although another listener keeps the event abort to itself', async () => {
    const { bus } = createLoggedBus();
    const controller = new AbortController();
    controller.signal.addEventListener('abort', (event) => event.stopImmediatePropagation());
    const events = eventsOf(bus, 'ping', { signal: controller.signal });
    const other = eventsOf(bus, 'ping', { signal: controller.signal });
    const waiting = other.next();

    controller.abort();

    expect(await events.next()).toEqual({ done: true, value: undefined });
    await bus.publish('ping', { value: 1 });
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(bus.handlerCount()).toBe(0);
  });

  it('iterates over several names, each event with its context', async () => {
    const { bus, publish, handlerCount } = createLoggedBus();
    const events = eventsOf(bus, ['ping', 'cleared']);
    const first = await publish('ping', { value: 1 });
    const second = await publish('cleared', undefined, { metadata: { trace_id: 'a' } });
    await publish('pong', { value: 2 });
    const seen: unknown[] = [];

    for await (const { name, payload, context } of events) {
      seen.push([name, payload, context.id, context.metadata]);
      if (name === 'cleared') break;
    }

    expect(seen).toEqual([
      ['ping', { value: 1 }, first.id, {}],
      ['cleared', undefined, second.id, { trace_id: 'a' }],
    ]);
    expect(handlerCount()).toBe(0);
  });

  it('names the event that found the buffer full, also of several', async () => {
    const { bus, publish } = createLoggedBus();
    eventsOf(bus, ['ping', 'pong'], { highWaterMark: 1 });
    await publish('ping', { value: 1 });

    const { failures } = await publish('pong', { value: 2 });

    expect(failures).toMatchObject([
      { error: { message: '[mapbus] eventsOf skipped an event of pong: 1 wait already' } },
    ]);
  });

  it('ends when an error is thrown into it', async () => {
    const { bus, publish, handlerCount } = createLoggedBus();
    const events = eventsOf(bus, 'ping');
    await publish('ping', { value: 1 });
    const error = new Error('no');

    await expect(events.throw?.(error)).rejects.toBe(error);

    expect(await events.next()).toEqual({ done: true, value: undefined });
    expect(handlerCount()).toBe(0);
  });

  it.each([
    ['an empty list', [], '[mapbus] event names: expected at least one name, got none'],
    ['a name that is none', [7], '[mapbus] event name: expected string, got 7'],
  ])('throws a TypeError for %s', (_, names, message) => {
    const { bus } = createLoggedBus();

    expect(() => eventsOf(bus, names as never)).toThrow(new TypeError(message));
  });

  it('gives events in order, however many wait', async () => {
    const { bus, publish } = createLoggedBus({ logPublish: () => false });
    const events = eventsOf(bus, 'ping');
    const values: number[] = [];
    for (let value = 0; value < 10; value++) await publish('ping', { value });
    for (let value = 0; value < 5; value++) values.push((await events.next()).value?.value ?? -1);
    for (let value = 10; value < 20; value++) await publish('ping', { value });
    for (let value = 0; value < 15; value++) values.push((await events.next()).value?.value ?? -1);

    expect(values).toEqual(Array.from({ length: 20 }, (_, value) => value));
  });

  it('throws an error with the code closed on a closed bus', async () => {
    const { bus, close } = createLoggedBus();
    await close();

    expect(() => eventsOf(bus, 'ping')).toThrow(expect.objectContaining({ code: 'closed' }));
  });

  it('is over at once when the signal is aborted already', async () => {
    const { bus, handlerCount } = createLoggedBus();

    expect(await eventsOf(bus, 'ping', { signal: AbortSignal.abort() }).next()).toEqual({
      done: true,
      value: undefined,
    });
    expect(handlerCount()).toBe(0);
  });

  it('subscribes to nothing when the signal is aborted already', () => {
    const { bus, handlerCount } = createLoggedBus();

    eventsOf(bus, 'ping', { signal: AbortSignal.abort() });

    expect(handlerCount()).toBe(0);
  });

  it('throws a TypeError for what is no bus', () => {
    expect(() => eventsOf({} as never, 'ping' as never)).toThrow(
      new TypeError('[mapbus] bus: expected an object with subscribe, got object'),
    );
  });

  it('ends by return and by await using, and forgets what it has kept', async () => {
    const { bus, publish, handlerCount } = createLoggedBus();
    const returned = eventsOf(bus, 'ping');
    const disposed = eventsOf(bus, 'ping');
    await publish('ping', { value: 1 });

    expect(await returned.return?.()).toEqual({ done: true, value: undefined });
    expect(await disposed[Symbol.asyncDispose]()).toBeUndefined();

    expect(await returned.next()).toEqual({ done: true, value: undefined });
    expect(await disposed.next()).toEqual({ done: true, value: undefined });
    expect(handlerCount()).toBe(0);
  });

  it.each([
    [{ highWaterMark: 0 }, 'eventsOf options.highWaterMark: expected positive integer, got 0'],
    [{ highWaterMark: 1.5 }, 'eventsOf options.highWaterMark: expected positive integer, got 1.5'],
    [{ highWaterMark: '9' }, 'eventsOf options.highWaterMark: expected positive integer, got "9"'],
    [{ signal: 1 }, 'eventsOf options.signal: expected an object with addEventListener, removeEventListener, got 1'],
    [{ buffer: 1 }, 'eventsOf options: unknown option buffer, expected signal, highWaterMark'],
  ])('throws a TypeError for %j', (options, message) => {
    const { bus } = createLoggedBus();

    expect(() => eventsOf(bus, 'ping', options as never)).toThrow(new TypeError(`[mapbus] ${message}`));
  });
});

describe('eventsOf with a signal that cannot be listened to', () => {
  it('throws, and leaves no subscription', () => {
    const { bus, handlerCount } = createLoggedBus();
    const signal = {
      aborted: false,
      addEventListener: () => {
        throw new Error('no listeners');
      },
      removeEventListener: () => {},
    } as unknown as AbortSignal;

    expect(() => eventsOf(bus, 'ping', { signal })).toThrow('no listeners');
    expect(handlerCount()).toBe(0);
  });

  it('leaves no listener when subscribe throws', async () => {
    const { bus, close } = createLoggedBus();
    const { signal } = new AbortController();
    const removed = vi.spyOn(signal, 'removeEventListener');
    await close();

    expect(() => eventsOf(bus, 'ping', { signal })).toThrow('closed');
    expect(removed).toHaveBeenCalledOnce();
  });
});
