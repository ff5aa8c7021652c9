import { type Subscriber, waitFor } from 'mapbus';
import { describe, expect, it, vi } from 'vitest';
import { createLoggedBus, type Events } from '../support.ts';

describe('waitFor', () => {
  it('resolves with the payload of the next event', async () => {
    const { bus, publish, handlerCount } = createLoggedBus();
    const waiting = waitFor(bus, 'ping');

    await publish('ping', { value: 1 });
    await publish('ping', { value: 2 });

    expect(await waiting).toEqual({ value: 1 });
    expect(handlerCount()).toBe(0);
  });

  it('waits for the first payload that passes the filter', async () => {
    const { bus, publish, handlerCount } = createLoggedBus();
    const waiting = waitFor(bus, 'ping', { filter: ({ value }) => value > 1 });

    await publish('ping', { value: 1 });
    expect(handlerCount('ping')).toBe(1);
    await publish('ping', { value: 2 });

    expect(await waiting).toEqual({ value: 2 });
    expect(handlerCount()).toBe(0);
  });

  it('rejects with what the filter throws, which is no failure of the publish', async () => {
    const { bus, publish, handlerCount } = createLoggedBus();
    const error = new Error('no');
    const waiting = waitFor(bus, 'ping', {
      filter: () => {
        throw error;
      },
    });
    const rejected = expect(waiting).rejects.toBe(error);

    expect((await publish('ping', { value: 1 })).failures).toEqual([]);
    await rejected;

    expect(handlerCount()).toBe(0);
  });

  it('rejects with a TimeoutError and leaves nothing behind', async () => {
    const { bus, handlerCount } = createLoggedBus();
    const { signal } = new AbortController();
    const removed = vi.spyOn(signal, 'removeEventListener');

    await expect(waitFor(bus, 'ping', { timeoutMs: 5, signal })).rejects.toMatchObject({
      name: 'TimeoutError',
      code: 'timeout',
      message: '[mapbus] waitFor: no ping within 5 ms',
    });

    expect(handlerCount()).toBe(0);
    expect(removed).toHaveBeenCalledExactlyOnceWith('abort', expect.any(Function));
  });

  it('rejects with the reason of the signal and leaves nothing behind', async () => {
    vi.useFakeTimers();
    try {
      const { bus, handlerCount } = createLoggedBus();
      const controller = new AbortController();
      const waiting = waitFor(bus, 'ping', { signal: controller.signal, timeoutMs: 1_000 });

      controller.abort();

      await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
      expect(handlerCount()).toBe(0);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it('rejects at once when the signal is aborted already', async () => {
    const { bus, handlerCount } = createLoggedBus();
    const reason = new Error('stop');

    await expect(waitFor(bus, 'ping', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);

    expect(handlerCount()).toBe(0);
  });

  it('leaves no timer and no listener when the event comes', async () => {
    vi.useFakeTimers();
    try {
      const { bus, publish } = createLoggedBus();
      const { signal } = new AbortController();
      const removed = vi.spyOn(signal, 'removeEventListener');
      const waiting = waitFor(bus, 'ping', { signal, timeoutMs: 1_000 });

      void publish('ping', { value: 1 });
      await waiting;

      expect(vi.getTimerCount()).toBe(0);
      expect(removed).toHaveBeenCalledOnce();
    } finally {
      vi.useRealTimers();
    }
  });

  it('starts no timer without a time limit', async () => {
    vi.useFakeTimers();
    try {
      const { bus, publish } = createLoggedBus();
      const waiting = waitFor(bus, 'ping');

      expect(vi.getTimerCount()).toBe(0);
      await publish('ping', { value: 1 });
      await waiting;
    } finally {
      vi.useRealTimers();
    }
  });

  it('rejects on a closed bus', async () => {
    const { bus, close } = createLoggedBus();
    await close();

    await expect(waitFor(bus, 'ping')).rejects.toMatchObject({ code: 'closed' });
  });

  it('rejects with the code closed when the bus closes', async () => {
    const { bus, close } = createLoggedBus();
    const waiting = expect(waitFor(bus, 'ping')).rejects.toMatchObject({
      code: 'closed',
      message: '[mapbus] waitFor: the bus was closed',
    });

    await close();

    await waiting;
  });

  it('throws a TypeError for a bad name, at once', () => {
    const { bus } = createLoggedBus();

    const wrong = new TypeError('[mapbus] event name: expected string, got 7');

    expect(() => waitFor(bus, 7 as never)).toThrow(wrong);
    expect(() => waitFor(bus, 7 as never, { signal: AbortSignal.abort() })).toThrow(wrong);
    expect(() => waitFor(bus, ['ping', 7 as never], { signal: AbortSignal.abort() })).toThrow(wrong);
  });

  it('takes the first event of several names, with its context', async () => {
    const { bus, publish, handlerCount } = createLoggedBus();
    const waiting = waitFor(bus, ['pong', 'ping', 'pong']);
    expect(handlerCount()).toBe(2);

    const { id } = await publish('ping', { value: 1 }, { metadata: { trace_id: 'a' } });
    await publish('pong', { value: 2 });

    const { name, payload, context } = await waiting;
    expect([name, payload]).toEqual(['ping', { value: 1 }]);
    expect([context.id, context.metadata]).toEqual([id, { trace_id: 'a' }]);
    expect(handlerCount()).toBe(0);
  });

  it('names all the names it has waited for', async () => {
    const { bus } = createLoggedBus();

    await expect(waitFor(bus, ['ping', 'pong'], { timeoutMs: 5 })).rejects.toThrow('no ping, pong within 5 ms');
  });

  it('is left without a subscription by a list with a bad name', () => {
    const { bus, handlerCount } = createLoggedBus();

    expect(() => waitFor(bus, ['ping', 7 as never])).toThrow(TypeError);
    expect(handlerCount()).toBe(0);
  });

  it('rejects with the reason although another listener keeps the event abort to itself', async () => {
    const { bus, publish } = createLoggedBus();
    const controller = new AbortController();
    controller.signal.addEventListener('abort', (event) => event.stopImmediatePropagation());
    const rejected = expect(waitFor(bus, 'ping', { signal: controller.signal })).rejects.toBe('stop');

    controller.abort('stop');
    await publish('ping', { value: 1 });

    await rejected;
  });

  it('throws a TypeError for an empty list, and for what is no bus', () => {
    const { bus } = createLoggedBus();

    expect(() => waitFor(bus, [])).toThrow(new TypeError('[mapbus] event names: expected at least one name, got none'));
    expect(() => waitFor({} as never, 'ping' as never)).toThrow(
      new TypeError('[mapbus] bus: expected an object with subscribe, got object'),
    );
  });

  it('takes an event that comes while it subscribes', async () => {
    const unsubscribe = Object.assign(vi.fn(), { [Symbol.dispose]: () => {} });
    const subscriber = {
      subscribe: (_: string, handler: (payload: unknown, context: unknown) => unknown) => {
        handler({ value: 7 }, {});
        return unsubscribe;
      },
    };

    expect(await waitFor(subscriber as unknown as Subscriber<Events>, 'ping')).toEqual({ value: 7 });
  });

  it('throws what subscribe throws, and removes what it has subscribed to', () => {
    const { bus, handlerCount } = createLoggedBus();
    const error = new Error('full');
    const subscribe: typeof bus.subscribe = (name, handler, options) => {
      if (name === 'pong') throw error;
      return bus.subscribe(name, handler, options);
    };

    expect(() => waitFor({ subscribe }, ['ping', 'pong'])).toThrow(error);
    expect(handlerCount()).toBe(0);
  });

  it('gives the filter the context', async () => {
    const { bus, publish } = createLoggedBus();
    const waiting = waitFor(bus, 'ping', { filter: (_, { metadata }) => metadata.user === 'ada' });

    await publish('ping', { value: 1 }, { metadata: { user: 'bob' } });
    await publish('ping', { value: 2 }, { metadata: { user: 'ada' } });

    expect(await waiting).toEqual({ value: 2 });
  });

  it.each([
    ['a promise', async () => true, 'object'],
    ['a promise that rejects', async () => Promise.reject(new Error('no')), 'object'],
    ['nothing', () => undefined, 'undefined'],
    ['a number', () => 1, 'number'],
  ])('rejects with a TypeError when the filter returns %s', async (_, filter, type) => {
    const { bus, publish, handlerCount } = createLoggedBus();
    const waiting = expect(waitFor(bus, 'ping', { filter: filter as never })).rejects.toEqual(
      new TypeError(`[mapbus] waitFor options.filter: expected to return a boolean, got ${type}`),
    );

    await publish('ping', { value: 1 });

    await waiting;
    expect(handlerCount()).toBe(0);
  });

  it('works with any subscriber, and labels its handler', async () => {
    const { subscribe, publish } = createLoggedBus();
    const labels: unknown[] = [];
    const subscriber: Subscriber<Events> = {
      subscribe: (name, handler, options) => {
        labels.push(options?.name);
        return subscribe(name, handler, options);
      },
    };
    const waiting = waitFor(subscriber, 'ping');

    await publish('ping', { value: 1 });

    expect(await waiting).toEqual({ value: 1 });
    expect(labels).toEqual(['waitFor']);
  });

  it.each([
    [42, 'waitFor options: expected object, got 42'],
    [{ filter: true }, 'waitFor options.filter: expected function, got true'],
    [
      { signal: 'now' },
      'waitFor options.signal: expected an object with addEventListener, removeEventListener, got "now"',
    ],
    [{ timeoutMs: 0 }, 'waitFor options.timeoutMs: expected positive milliseconds, got 0'],
    [{ timeout: 0 }, 'waitFor options: unknown option timeout, expected filter, signal, timeoutMs'],
  ])('throws a TypeError for %j', (options, message) => {
    const { bus } = createLoggedBus();

    expect(() => waitFor(bus, 'ping', options as never)).toThrow(new TypeError(`[mapbus] ${message}`));
  });
});

describe('waitFor with a signal that cannot be listened to', () => {
  it('throws, and leaves no subscription', () => {
    const { bus, handlerCount } = createLoggedBus();
    const signal = {
      aborted: false,
      addEventListener: () => {
        throw new Error('no listeners');
      },
      removeEventListener: () => {},
    } as unknown as AbortSignal;

    expect(() => waitFor(bus, 'ping', { signal })).toThrow('no listeners');
    expect(handlerCount()).toBe(0);
  });

  it('leaves no listener when subscribe throws', () => {
    const { signal } = new AbortController();
    const removed = vi.spyOn(signal, 'removeEventListener');
    const broken: Subscriber<Events> = {
      subscribe: () => {
        throw new Error('full');
      },
    };

    expect(() => waitFor(broken, 'ping', { signal })).toThrow('full');
    expect(removed).toHaveBeenCalledOnce();
  });
});
