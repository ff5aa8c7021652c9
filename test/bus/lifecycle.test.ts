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
      'createEventBus options: unknown option log, expected logger, onFailure, contextStorage, logPublish, transport',
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
    ['transport', { transport: {} }, 'createEventBus options.transport: expected an object with attach, got object'],
  ])('throws a TypeError that tells what is wrong with %s', (_, options, message) => {
    expect(() => createEventBus(options as never)).toThrow(new TypeError(`[mapbus] ${message}`));
  });

  it('takes a logger that is a function with methods', () => {
    const logger = Object.assign(() => {}, { debug: () => {}, warn: () => {}, error: () => {} });

    expect(() => createEventBus({ logger })).not.toThrow();
  });

  it('takes undefined options as left out', () => {
    const options = { logger: undefined, onFailure: undefined, contextStorage: undefined, logPublish: undefined };

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

describe('ready', () => {
  it('resolves at once', async () => {
    await expect(createLoggedBus().ready()).resolves.toBeUndefined();
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
  it('waits for what is in flight and refuses what comes after', async () => {
    const { subscribe, publish, close } = createLoggedBus();
    const gate = createGate();
    subscribe('ping', () => gate.promise);
    const published = publish('ping', { value: 1 });
    let closed = false;

    const closing = close().then(() => {
      closed = true;
    });
    expect((await publish('ping', { value: 2 })).error?.code).toBe('closed');
    expect(closed).toBe(false);
    gate.open();
    await closing;

    expect((await published).error).toBeUndefined();
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
    const closed = { name: 'AbortError', message: '[mapbus] The bus is closed' };
    expect([...signals, await late.promise].map(({ reason }) => reason)).toEqual([
      expect.objectContaining(closed),
      expect.objectContaining(closed),
      expect.objectContaining(closed),
    ]);
    expect(logged('event_bus_drain_timed_out')).toEqual([
      { level: 'warn', message: 'event_bus_drain_timed_out', fields: { inFlight: 2 } },
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
      new TypeError('[mapbus] close options.drainTimeoutMs: expected positive milliseconds, got -1'),
    );
    expect(() => close({ timeout: 1 } as never)).toThrow(
      new TypeError('[mapbus] close options: unknown option timeout, expected drainTimeoutMs'),
    );
    expect((await publish('cleared')).error).toBeUndefined();
  });
});
