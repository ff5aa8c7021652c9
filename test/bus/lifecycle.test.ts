import { createEventBus } from 'mapbus';
import { describe, expect, it, vi } from 'vitest';
import { createGate, createLoggedBus } from '../support.ts';

describe('createEventBus', () => {
  it.each([
    ['42', 42, 'createEventBus options: expected object, got 42'],
    ['null', null, 'createEventBus options: expected object, got null'],
    ['a function', () => {}, 'createEventBus options: expected object, got function'],
    [
      'an unknown option',
      { log: console },
      'createEventBus options: unknown option log, expected logger, onFailure, logPublish, contextStorage, metadata, observers',
    ],
    [
      'a logger without warn',
      { logger: { debug: () => {}, error: () => {} } },
      'createEventBus options.logger: expected an object with debug, warn, error, got object',
    ],
    [
      'a logger that is no object',
      { logger: 'console' },
      'createEventBus options.logger: expected an object with debug, warn, error, got "console"',
    ],
    ['onFailure', { onFailure: true }, 'createEventBus options.onFailure: expected function, got true'],
    [
      'contextStorage',
      { contextStorage: { run: () => {} } },
      'createEventBus options.contextStorage: expected an object with run, getStore, got object',
    ],
    ['logPublish', { logPublish: 1n }, 'createEventBus options.logPublish: expected function, got 1'],
    ['metadata', { metadata: {} }, 'createEventBus options.metadata: expected function, got object'],
    ['observers', { observers: 7 }, 'createEventBus options.observers: expected array, got 7'],
    ['observers that are no list', { observers: {} }, 'createEventBus options.observers: expected array, got object'],
    ['an observer', { observers: [{}, 7] }, 'createEventBus options.observers[1]: expected object, got 7'],
    [
      'an observer of something else',
      { observers: [{ onPublish: () => {} }] },
      'createEventBus options.observers[0]: unknown option onPublish, expected publish, handle, deliver, settle, log',
    ],
    [
      'an observer that is no function',
      { observers: [{ handle: {} }] },
      'createEventBus options.observers[0].handle: expected function, got object',
    ],
  ])('throws a TypeError that tells what is wrong with %s', (_, options, message) => {
    expect(() => createEventBus(options as never)).toThrow(new TypeError(`[mapbus] ${message}`));
  });

  it('takes a logger that is a function with methods', () => {
    const logger = Object.assign(() => {}, { debug: () => {}, warn: () => {}, error: () => {} });

    expect(() => createEventBus({ logger })).not.toThrow();
  });

  it('takes undefined options as left out', () => {
    const options = {
      logger: undefined,
      onFailure: undefined,
      contextStorage: undefined,
      logPublish: undefined,
      metadata: undefined,
      observers: undefined,
    };

    expect(() => createEventBus(options)).not.toThrow();
  });

  it('makes buses that share nothing', async () => {
    const first = createLoggedBus();
    const second = createLoggedBus();
    const handler = vi.fn();
    first.subscribe('ping', handler);

    await second.publish('ping', { value: 1 });

    expect(handler).not.toHaveBeenCalled();
    expect(second.handlerCount()).toBe(0);
  });
});

describe('handlerCount', () => {
  it('throws a TypeError for what is no name', () => {
    const { handlerCount } = createLoggedBus();

    expect(() => handlerCount(5 as never)).toThrow(new TypeError('[mapbus] event name: expected string, got 5'));
  });
});

describe('idle', () => {
  it('resolves at once when nothing is in flight', async () => {
    await expect(createLoggedBus().idle()).resolves.toBeUndefined();
  });

  it('waits for every handler in flight, and for what handlers publish', async () => {
    const { subscribe, publish, idle } = createLoggedBus();
    const first = createGate();
    const second = createGate();
    subscribe('ping', async ({ value }) => {
      await first.promise;
      void publish('pong', { value });
    });
    subscribe('pong', () => second.promise);
    const order: string[] = [];
    void publish('ping', { value: 1 });
    void publish('ping', { value: 2 });
    const done = Promise.all([idle(), idle()]).then(() => order.push('idle'));

    first.open();
    await vi.waitFor(() => expect(first.promise).resolves.toBeUndefined());
    order.push('second opens');
    second.open();
    await done;

    expect(order).toEqual(['second opens', 'idle']);
  });

  it('waits for what the publisher publishes after a publish', async () => {
    const { subscribe, publish, idle } = createLoggedBus();
    const gate = createGate();
    subscribe('ping', async () => {});
    subscribe('pong', () => gate.promise);
    let isIdle = false;
    void publish('ping', { value: 1 }).then(() => publish('pong', { value: 2 }));
    const idling = idle().then(() => {
      isIdle = true;
    });

    await new Promise((resolve) => setTimeout(resolve));
    expect(isIdle).toBe(false);
    gate.open();
    await idling;
  });

  it('waits for the publish that asks for it', async () => {
    const { subscribe, publish, idle } = createLoggedBus();
    const gate = createGate();
    let idled = false;
    let waiting: Promise<void> | undefined;
    subscribe('ping', () => {
      waiting = idle().then(() => {
        idled = true;
      });
    });
    subscribe('ping', () => gate.promise);

    const published = publish('ping', { value: 1 });
    await Promise.resolve();
    await Promise.resolve();
    expect(idled).toBe(false);
    gate.open();
    await published;
    await waiting;

    expect(idled).toBe(true);
  });

  it('does not wait for a handler after its time limit', async () => {
    const { subscribe, publish, idle } = createLoggedBus();
    subscribe('ping', () => createGate().promise, { timeoutMs: 5 });
    void publish('ping', { value: 1 });

    await expect(idle()).resolves.toBeUndefined();
  });
});

describe('close', () => {
  it('waits for running handlers and refuses what is published afterwards', async () => {
    const { subscribe, publish, close } = createLoggedBus();
    const gate = createGate();
    subscribe('ping', () => gate.promise);
    const published = publish('ping', { value: 1 });
    let closed = false;

    const closing = close().then(() => {
      closed = true;
    });
    await Promise.resolve();
    expect(closed).toBe(false);
    gate.open();
    await closing;

    expect((await published).error).toBeUndefined();
    expect((await publish('ping', { value: 2 })).error?.code).toBe('closed');
  });

  it('accepts publishes from anyone until nothing runs', async () => {
    const { subscribe, publish, close } = createLoggedBus();
    const first = createGate();
    const second = createGate();
    const handled: number[] = [];
    subscribe('ping', async () => {
      await first.promise;
      void publish('pong', { value: 1 });
    });
    subscribe('pong', async ({ value }) => {
      await second.promise;
      handled.push(value);
    });
    void publish('ping', { value: 0 });
    const closing = close();

    const fromOutside = await Promise.race([publish('cleared'), closing]);
    first.open();
    second.open();
    await closing;

    expect(fromOutside?.error).toBeUndefined();
    expect(handled).toEqual([1]);
  });

  it.each([1, 2, 3, 4, 5])('waits for a publish that follows another one by %i turns', async (turns) => {
    const { subscribe, publish, close, logged } = createLoggedBus();
    const gate = createGate();
    let signal: AbortSignal | undefined;
    subscribe('ping', async () => {});
    subscribe('pong', async (_, context) => {
      ({ signal } = context);
      await gate.promise;
    });
    const follow = async () => {
      await publish('ping', { value: 1 });
      for (let turn = 0; turn < turns; turn++) await undefined;
      return publish('pong', { value: 2 });
    };
    const following = follow();
    const closing = close({ drainTimeoutMs: 60_000 });

    await new Promise((resolve) => setTimeout(resolve));
    gate.open();
    await closing;
    const { error } = await following;

    // Accepted and awaited, or refused: never accepted and aborted.
    expect([undefined, 'closed']).toContain(error?.code);
    expect(signal?.aborted ?? false).toBe(false);
    expect(logged('event_bus_drain_timed_out')).toEqual([]);
  });

  it('calls onClose of no handler that another onClose has removed', async () => {
    const { subscribe, close } = createLoggedBus();
    const onClose = vi.fn();
    let remove = () => {};
    subscribe('ping', () => {}, { onClose: () => remove() });
    remove = subscribe('ping', () => {}, { onClose });

    await close();

    expect(onClose).not.toHaveBeenCalled();
  });

  it('refuses new subscriptions from its call on', () => {
    const { subscribe, subscribeAll, publish, close } = createLoggedBus();
    const gate = createGate();
    subscribe('ping', () => gate.promise);
    void publish('ping', { value: 1 });
    const closing = close();

    expect(() => subscribe('ping', () => {})).toThrow(expect.objectContaining({ code: 'closed' }));
    expect(() => subscribeAll(() => {})).toThrow(expect.objectContaining({ code: 'closed' }));
    gate.open();
    return closing;
  });

  it('removes every subscription and every abort listener at the end', async () => {
    const { subscribe, subscribeAll, close, handlerCount } = createLoggedBus();
    const { signal } = new AbortController();
    const removed = vi.spyOn(signal, 'removeEventListener');
    subscribe('ping', () => {}, { signal });
    subscribe('pong', () => {}, { signal });
    subscribeAll(() => {}, { signal });

    await close();

    expect(handlerCount()).toBe(0);
    expect(removed).toHaveBeenCalledOnce();
  });

  it('does not wait with a limit of 0', async () => {
    vi.useFakeTimers();
    try {
      const { subscribe, publish, close, logged } = createLoggedBus();
      let signal: AbortSignal | undefined;
      subscribe('ping', (_, context) => {
        ({ signal } = context);
        return createGate().promise;
      });
      void publish('ping', { value: 1 });

      await close({ drainTimeoutMs: 0 });

      expect(signal?.aborted).toBe(true);
      expect(logged('event_bus_drain_timed_out')).toHaveLength(1);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it('aborts nothing with a limit of 0 when no handler runs', async () => {
    const { subscribe, publish, close, lines } = createLoggedBus({ logPublish: () => false });
    subscribe('ping', () => {});
    void publish('ping', { value: 1 });

    await close({ drainTimeoutMs: 0 });

    expect(lines).toEqual([]);
  });

  it('takes the shortest limit of several calls', async () => {
    vi.useFakeTimers();
    try {
      const { subscribe, publish, close } = createLoggedBus();
      subscribe('ping', () => createGate().promise);
      void publish('ping', { value: 1 });
      let closed = false;
      void close({ drainTimeoutMs: 60_000 }).then(() => {
        closed = true;
      });
      void close({ drainTimeoutMs: 100 });

      await vi.advanceTimersByTimeAsync(99);
      expect(closed).toBe(false);
      await vi.advanceTimersByTimeAsync(1);

      expect(closed).toBe(true);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it('lets a publish in progress call the rest of its handlers', async () => {
    const { subscribe, publish, close } = createLoggedBus();
    const rest = vi.fn();
    subscribe('ping', () => {
      void close();
    });
    subscribe('ping', rest);

    await publish('ping', { value: 1 });

    expect(rest).toHaveBeenCalledOnce();
  });

  it('is idempotent', async () => {
    const { close } = createLoggedBus();

    const first = close();

    expect(close({ drainTimeoutMs: 1 })).toBe(first);
    await first;
    expect(close()).toBe(first);
  });

  it('closes by await using', async () => {
    const { bus, publish } = createLoggedBus();

    await bus[Symbol.asyncDispose]();

    expect((await publish('cleared')).error?.code).toBe('closed');
  });

  it('aborts the signals of what is in flight when its time is over, and logs it', async () => {
    const { subscribe, publish, close, logged } = createLoggedBus();
    const signals: AbortSignal[] = [];
    const late = createGate<AbortSignal>();
    const over = createGate();
    subscribe('ping', (_, { signal }) => {
      signals.push(signal);
      return new Promise((resolve) => signal.addEventListener('abort', resolve));
    });
    subscribe(
      'ping',
      (_, { signal }) => {
        signals.push(signal);
        return new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
      { timeoutMs: 60_000 },
    );
    subscribe('pong', async (_, context) => {
      await over.promise;
      late.open(context.signal);
    });
    const published = publish('ping', { value: 1 });
    void publish('pong', { value: 1 });

    await close({ drainTimeoutMs: 5 });
    over.open();

    expect((await published).failures).toEqual([]);
    const closed = { name: 'AbortError', code: 'closed', message: '[mapbus] The bus is closed' };
    expect([...signals, await late.promise].map(({ reason }) => reason)).toEqual([
      expect.objectContaining(closed),
      expect.objectContaining(closed),
      expect.objectContaining(closed),
    ]);
    expect(logged('event_bus_drain_timed_out')).toEqual([
      { level: 'warn', message: 'event_bus_drain_timed_out', fields: { running: 2 } },
    ]);
  });

  it('leaves no timer and aborts nothing when all is done in time', async () => {
    vi.useFakeTimers();
    try {
      const { subscribe, publish, close, lines } = createLoggedBus({ logPublish: () => false });
      let signal: AbortSignal | undefined;
      subscribe('ping', async (_, context) => {
        ({ signal } = context);
      });
      void publish('ping', { value: 1 });

      await close();
      await close();

      expect(vi.getTimerCount()).toBe(0);
      expect(signal?.aborted).toBe(false);
      expect(lines).toEqual([]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('leaves the signals of events alone that have settled before', async () => {
    const { subscribe, publish, close } = createLoggedBus();
    const signals: AbortSignal[] = [];
    subscribe('ping', (_, { signal }) => {
      signals.push(signal);
    });
    subscribe('pong', () => createGate().promise);
    await publish('ping', { value: 1 });
    void publish('pong', { value: 1 });

    await close({ drainTimeoutMs: 5 });

    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
  });

  it('gives up after ten seconds by default', async () => {
    vi.useFakeTimers();
    try {
      const { subscribe, publish, close } = createLoggedBus();
      subscribe('ping', () => createGate().promise);
      void publish('ping', { value: 1 });
      let closed = false;
      void close().then(() => {
        closed = true;
      });

      await vi.advanceTimersByTimeAsync(9_999);
      expect(closed).toBe(false);
      await vi.advanceTimersByTimeAsync(1);

      expect(closed).toBe(true);
    } finally {
      vi.useRealTimers();
    }
  });

  it('throws a TypeError for a bad argument and stays open', async () => {
    const { close, publish } = createLoggedBus();

    expect(() => close({ drainTimeoutMs: -1 })).toThrow(
      new TypeError('[mapbus] close options.drainTimeoutMs: expected milliseconds, got -1'),
    );
    expect(() => close({ timeout: 1 } as never)).toThrow(
      new TypeError('[mapbus] close options: unknown option timeout, expected drainTimeoutMs'),
    );
    expect((await publish('cleared')).error).toBeUndefined();
  });
});
