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
      message: '[mapbus] No ping within 5 ms',
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

  it('rejects on a closed bus', async () => {
    const { bus, close } = createLoggedBus();
    await close();

    await expect(waitFor(bus, 'ping')).rejects.toMatchObject({ code: 'closed' });
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
