import { type EventHandlers, subscribeEach } from 'mapbus';
import { describe, expect, it, vi } from 'vitest';
import { createLoggedBus, type Events, type Session } from '../support.ts';

describe('subscribeEach', () => {
  it('registers a handler for each name, and removes them all', async () => {
    const { bus, publish, handlerCount } = createLoggedBus();
    const seen: unknown[] = [];
    const handlers = {
      ping: ({ value }) => seen.push(['ping', value]),
      pong: ({ value }) => seen.push(['pong', value]),
      cleared: (_, { name }) => seen.push([name]),
    } satisfies EventHandlers<Events, Session>;

    const unsubscribe = subscribeEach(bus, handlers);
    await publish('ping', { value: 1 });
    await publish('pong', { value: 2 });
    await publish('cleared');
    unsubscribe();

    expect(seen).toEqual([['ping', 1], ['pong', 2], ['cleared']]);
    expect(handlerCount()).toBe(0);
  });

  it('takes some of the names, and undefined for none', () => {
    const { bus, handlerCount } = createLoggedBus();

    subscribeEach(bus, { ping: () => {}, pong: undefined as never });

    expect([handlerCount('ping'), handlerCount('pong')]).toEqual([1, 0]);
  });

  it('names each handler by its property, and passes the options on', async () => {
    const { bus, publish } = createLoggedBus();
    const fail = {
      ping: () => {
        throw new Error('no');
      },
    };

    subscribeEach(bus, fail, { once: true });

    expect((await publish('ping', { value: 1 })).failures).toMatchObject([{ handlerName: 'ping' }]);
    expect((await publish('ping', { value: 1 })).handlerCount).toBe(0);
  });

  it('is disposable', () => {
    const { bus, handlerCount } = createLoggedBus();

    subscribeEach(bus, { ping: () => {} })[Symbol.dispose]();

    expect(handlerCount()).toBe(0);
  });

  it.each([
    ['a handler', { ping: () => {}, pong: 7 }, {}, 'handlers.pong: expected function, got 7'],
    ['no record', 7, {}, 'handlers: expected plain object, got 7'],
    [
      'an option',
      { ping: () => {} },
      { timeoutMs: 0 },
      'subscribe options.timeoutMs: expected positive milliseconds, got 0',
    ],
    [
      'an instance of a class',
      new (class {
        ping() {}
      })(),
      {},
      'handlers: expected plain object, got object with a prototype of its own',
    ],
  ])('throws a TypeError for %s, and registers none', (_, handlers, options, message) => {
    const { bus, handlerCount } = createLoggedBus();

    expect(() => subscribeEach(bus, handlers as never, options as never)).toThrow(new TypeError(`[mapbus] ${message}`));
    expect(handlerCount()).toBe(0);
  });

  it('throws a TypeError for what is no bus', () => {
    expect(() => subscribeEach(undefined as never, {})).toThrow(
      new TypeError('[mapbus] bus: expected an object with subscribe, got undefined'),
    );
  });

  it('removes what it has registered when a later one is refused', () => {
    const { bus, handlerCount } = createLoggedBus();
    const error = new Error('full');
    const subscribe: typeof bus.subscribe = (name, handler, options) => {
      if (name === 'pong') throw error;
      return bus.subscribe(name, handler, options);
    };
    const handler = vi.fn();

    expect(() => subscribeEach({ subscribe }, { ping: handler, pong: handler })).toThrow(error);
    expect(handlerCount()).toBe(0);
  });
});
