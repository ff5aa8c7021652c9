import { waitFor } from 'mapbus';
import { describe, expect, it, vi } from 'vitest';
import { createGate, createLoggedBus } from '../support.ts';

describe('subscribe', () => {
  it('calls a handler that is registered twice twice', async () => {
    const { subscribe, publish } = createLoggedBus();
    const handler = vi.fn();
    const unsubscribe = subscribe('ping', handler);
    subscribe('ping', handler);

    await publish('ping', { value: 1 });
    expect(handler).toHaveBeenCalledTimes(2);
    unsubscribe();
    await publish('ping', { value: 2 });

    expect(handler).toHaveBeenCalledTimes(3);
  });

  it('makes a handler that is added during a publish wait for the next one', async () => {
    const { subscribe, publish } = createLoggedBus();
    const late = vi.fn();
    subscribe('ping', () => subscribe('ping', late), { once: true });

    await publish('ping', { value: 1 });
    expect(late).not.toHaveBeenCalled();
    await publish('ping', { value: 2 });

    expect(late).toHaveBeenCalledOnce();
  });

  it('does not call a handler that an earlier one has unsubscribed', async () => {
    const { subscribe, publish } = createLoggedBus();
    const later = vi.fn();
    subscribe('ping', () => unsubscribe());
    const unsubscribe = subscribe('ping', later);

    const { handlerCount } = await publish('ping', { value: 1 });

    expect(later).not.toHaveBeenCalled();
    expect(handlerCount).toBe(1);
  });

  it('lets a handler unsubscribe itself', async () => {
    const { subscribe, publish } = createLoggedBus();
    const handler = vi.fn(() => unsubscribe());
    const other = vi.fn();
    const unsubscribe = subscribe('ping', handler);
    subscribe('ping', other);

    await publish('ping', { value: 1 });
    await publish('ping', { value: 2 });

    expect(handler).toHaveBeenCalledOnce();
    expect(other).toHaveBeenCalledTimes(2);
  });

  it('returns an unsubscribe that is harmless to call twice', async () => {
    const { subscribe, publish, handlerCount } = createLoggedBus();
    const handler = vi.fn();
    const unsubscribe = subscribe('ping', handler);
    unsubscribe();
    subscribe('ping', handler);

    unsubscribe();
    await publish('ping', { value: 1 });

    expect(handler).toHaveBeenCalledOnce();
    expect(handlerCount('ping')).toBe(1);
  });

  it('returns an unsubscribe that is disposable', async () => {
    const { subscribe, handlerCount } = createLoggedBus();
    const unsubscribe = subscribe('ping', () => {});

    unsubscribe[Symbol.dispose]();

    expect(handlerCount()).toBe(0);
  });

  it('works after destructuring and under a receiver of another kind', async () => {
    const { bus } = createLoggedBus();
    const handler = vi.fn();
    const { subscribe, publish } = bus;

    Reflect.apply(subscribe, undefined, ['ping', handler]);
    await Reflect.apply(publish, 42, ['ping', { value: 1 }]);

    expect(handler).toHaveBeenCalledOnce();
  });

  describe('once', () => {
    it('calls the handler for one event', async () => {
      const { subscribe, publish, handlerCount } = createLoggedBus();
      const handler = vi.fn();
      subscribe('ping', handler, { once: true });

      await publish('ping', { value: 1 });
      await publish('ping', { value: 2 });

      expect(handler).toHaveBeenCalledExactlyOnceWith({ value: 1 }, expect.anything());
      expect(handlerCount()).toBe(0);
    });

    it('holds for a handler that publishes the same event again', () => {
      const { subscribe, publish } = createLoggedBus();
      const handler = vi.fn(() => publish('ping', { value: 2 }));
      subscribe('ping', handler, { once: true });

      publish('ping', { value: 1 });

      expect(handler).toHaveBeenCalledOnce();
    });

    it('holds for a publish that an earlier handler makes', () => {
      const { subscribe, publish } = createLoggedBus();
      const handler = vi.fn();
      subscribe('ping', () => publish('ping', { value: 2 }), { once: true });
      subscribe('ping', handler, { once: true });

      publish('ping', { value: 1 });

      expect(handler).toHaveBeenCalledExactlyOnceWith({ value: 2 }, expect.anything());
    });

    it('is off when false', async () => {
      const { subscribe, publish } = createLoggedBus();
      const handler = vi.fn();
      subscribe('ping', handler, { once: false });

      await publish('ping', { value: 1 });
      await publish('ping', { value: 2 });

      expect(handler).toHaveBeenCalledTimes(2);
    });
  });

  describe('signal', () => {
    it('unsubscribes when aborted', async () => {
      const { subscribe, publish, handlerCount } = createLoggedBus();
      const controller = new AbortController();
      const handler = vi.fn();
      subscribe('ping', handler, { signal: controller.signal });

      controller.abort();
      await publish('ping', { value: 1 });

      expect(handler).not.toHaveBeenCalled();
      expect(handlerCount()).toBe(0);
    });

    it('registers nothing when it is aborted already', () => {
      const { subscribe, handlerCount } = createLoggedBus();

      const unsubscribe = subscribe('ping', () => {}, { signal: AbortSignal.abort() });

      expect(handlerCount()).toBe(0);
      expect(() => unsubscribe()).not.toThrow();
    });

    it('is left without a listener by unsubscribe', () => {
      const { subscribe } = createLoggedBus();
      const { signal } = new AbortController();
      const added = vi.spyOn(signal, 'addEventListener');
      const removed = vi.spyOn(signal, 'removeEventListener');

      subscribe('ping', () => {}, { signal })();

      expect(added).toHaveBeenCalledOnce();
      expect(removed.mock.calls[0]?.slice(0, 2)).toEqual(added.mock.calls[0]?.slice(0, 2));
    });

    it('holds although another listener keeps the event abort to itself', async () => {
      const { subscribe, publish, handlerCount } = createLoggedBus();
      const controller = new AbortController();
      controller.signal.addEventListener('abort', (event) => event.stopImmediatePropagation());
      const handler = vi.fn();
      subscribe('ping', handler, { signal: controller.signal });

      controller.abort();

      expect((await publish('ping', { value: 1 })).handlerCount).toBe(0);
      expect(handlerCount('ping')).toBe(0);
      expect(handler).not.toHaveBeenCalled();
    });

    it('holds for a publish by an earlier listener of the same signal', () => {
      const { subscribe, publish } = createLoggedBus();
      const controller = new AbortController();
      controller.signal.addEventListener('abort', () => void publish('ping', { value: 1 }));
      const handler = vi.fn();
      subscribe('ping', handler, { signal: controller.signal });

      controller.abort();

      expect(handler).not.toHaveBeenCalled();
    });

    it('that throws when it is asked costs only its handler', async () => {
      const { subscribe, publish, getMetadata } = createLoggedBus();
      let isHostile = false;
      const signal = {
        addEventListener: () => {},
        removeEventListener: () => {},
        get aborted() {
          if (isHostile) throw new Error('touched');
          return false;
        },
      };
      const other = vi.fn();
      subscribe('ping', () => {}, { signal: signal as never, name: 'hostile' });
      subscribe('ping', other);
      isHostile = true;

      const { failures } = await publish('ping', { value: 1 }, { metadata: { trace_id: 'a' } });

      expect(failures).toMatchObject([{ handlerName: 'hostile', error: { message: 'touched' } }]);
      expect(other).toHaveBeenCalledOnce();
      expect(getMetadata()).toEqual({});
    });

    it('that is aborted while it takes the listener calls nothing', async () => {
      const { subscribe, publish } = createLoggedBus();
      const signal = {
        aborted: false,
        addEventListener: (_: string, listener: () => void) => {
          signal.aborted = true;
          listener();
        },
        removeEventListener: () => {},
      };
      const handler = vi.fn();
      subscribe('ping', handler, { signal: signal as never });

      expect((await publish('ping', { value: 1 })).handlerCount).toBe(0);
      expect(handler).not.toHaveBeenCalled();
    });

    it('that takes no listener registers nothing', () => {
      const { subscribe, handlerCount } = createLoggedBus();
      const signal = {
        addEventListener: () => {
          throw new Error('no');
        },
        removeEventListener: () => {},
        aborted: false,
      };

      expect(() => subscribe('ping', () => {}, { signal: signal as never })).toThrow('no');
      expect(handlerCount()).toBe(0);
    });

    it('gets one listener, however many subscriptions share it', () => {
      const { bus, subscribe, handlerCount } = createLoggedBus();
      const controller = new AbortController();
      const added = vi.spyOn(controller.signal, 'addEventListener');
      const removed = vi.spyOn(controller.signal, 'removeEventListener');
      const removals = Array.from({ length: 20 }, () => subscribe('ping', () => {}, { signal: controller.signal }));
      const waiting = waitFor(bus, 'ping', { signal: controller.signal });
      const rejected = expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
      expect(added).toHaveBeenCalledOnce();
      for (const remove of removals) remove();
      expect(removed).not.toHaveBeenCalled();

      controller.abort();

      expect(removed).toHaveBeenCalledOnce();
      expect(handlerCount()).toBe(0);
      return rejected;
    });

    it('is listened to again after its last subscription has gone', () => {
      const { subscribe, handlerCount } = createLoggedBus();
      const controller = new AbortController();
      subscribe('ping', () => {}, { signal: controller.signal })();
      subscribe('ping', () => {}, { signal: controller.signal });

      controller.abort();

      expect(handlerCount()).toBe(0);
    });

    it('takes undefined options as left out', async () => {
      const { subscribe, publish } = createLoggedBus();
      const handler = vi.fn();
      subscribe('ping', handler, { once: undefined, signal: undefined, name: undefined, timeoutMs: undefined });

      await publish('ping', { value: 1 });

      expect(handler).toHaveBeenCalledOnce();
    });
  });

  describe('timeoutMs', () => {
    it('fails the handler, aborts its signal and lets publish resolve', async () => {
      const { subscribe, publish, logged } = createLoggedBus();
      const never = createGate();
      let signal: AbortSignal | undefined;
      const stuck = (_: unknown, context: { signal: AbortSignal }) => {
        signal = context.signal;
        return never.promise;
      };
      subscribe('ping', stuck, { timeoutMs: 5 });

      const { failures } = await publish('ping', { value: 1 });

      expect(failures).toMatchObject([{ handlerName: 'stuck', error: { name: 'TimeoutError', code: 'timeout' } }]);
      expect(String(failures[0]?.error)).toContain('stuck took longer than 5 ms');
      expect(signal?.aborted).toBe(true);
      expect(signal?.reason).toBe(failures[0]?.error);
      expect(logged('event_handler_failed')[0]?.fields).toMatchObject({ errorType: 'TimeoutError' });
    });

    it('leaves the signals of the other handlers alone', async () => {
      const { subscribe, publish } = createLoggedBus();
      let other: AbortSignal | undefined;
      subscribe('ping', () => createGate().promise, { timeoutMs: 5 });
      subscribe('ping', (_, { signal }) => {
        other = signal;
      });

      await publish('ping', { value: 1 });

      expect(other?.aborted).toBe(false);
    });

    it('lets a handler that is quick enough succeed, and leaves no timer', async () => {
      vi.useFakeTimers();
      try {
        const { subscribe, publish } = createLoggedBus();
        let signal: AbortSignal | undefined;
        subscribe('ping', async (_, context) => ({ signal } = context), { timeoutMs: 1_000 });
        subscribe('ping', () => {}, { timeoutMs: 1_000 });

        expect((await publish('ping', { value: 1 })).failures).toEqual([]);
        expect(vi.getTimerCount()).toBe(0);
        expect(signal?.aborted).toBe(false);
      } finally {
        vi.useRealTimers();
      }
    });

    it('starts no timer for a handler that returns no promise', async () => {
      vi.useFakeTimers();
      try {
        const { subscribe, publish } = createLoggedBus();
        subscribe('ping', () => 7, { timeoutMs: 1_000 });

        const published = publish('ping', { value: 1 });

        expect(vi.getTimerCount()).toBe(0);
        expect((await published).failures).toEqual([]);
      } finally {
        vi.useRealTimers();
      }
    });

    it('reports the failure of the handler if that comes first', async () => {
      const { subscribe, publish } = createLoggedBus();
      const error = new Error('no');
      subscribe('ping', () => Promise.reject(error), { timeoutMs: 1_000, name: 'rejects' });
      subscribe(
        'ping',
        () => {
          throw error;
        },
        { timeoutMs: 1_000, name: 'throws' },
      );

      const { failures } = await publish('ping', { value: 1 });

      expect(failures.map(({ handlerName }) => handlerName).sort()).toEqual(['rejects', 'throws']);
      expect(failures.every((failure) => failure.error === error)).toBe(true);
    });

    it('logs what a handler throws after its time is over', async () => {
      const { subscribe, publish, logged } = createLoggedBus();
      const gate = createGate();
      subscribe('ping', () => gate.promise, { timeoutMs: 5, name: 'slow' });
      const { id, failures } = await publish('ping', { value: 1 });
      const error = new Error('too late');

      gate.fail(error);
      await vi.waitFor(() => expect(logged('event_handler_failed_late')).toHaveLength(1));

      expect(logged('event_handler_failed_late')[0]).toEqual({
        level: 'warn',
        message: 'event_handler_failed_late',
        fields: {
          eventName: 'ping',
          eventId: id,
          handlerName: 'slow',
          errorType: 'Error',
          errorMessage: 'too late',
          error,
        },
      });
      expect(failures).toHaveLength(1);
      expect(logged('event_handler_failed')).toHaveLength(1);
    });

    it('counts a broken thenable as a failure', async () => {
      const { subscribe, publish } = createLoggedBus();
      const error = new Error('broken');
      const broken = Object.defineProperty(Promise.resolve(), 'constructor', {
        get: () => {
          throw error;
        },
      });
      subscribe('ping', () => broken, { timeoutMs: 1_000, name: 'broken' });

      expect((await publish('ping', { value: 1 })).failures).toEqual([{ handlerName: 'broken', error }]);
    });

    it('shows the handler the same event as the others', async () => {
      const { subscribe, publish } = createLoggedBus();
      const ids: string[] = [];
      const times: number[] = [];
      subscribe(
        'ping',
        (_, context) => {
          ids.push(context.id, context.metadata.trace_id ?? '', context.name);
          times.push(context.occurredAt.getTime());
        },
        { timeoutMs: 1_000 },
      );
      subscribe('ping', (_, context) => {
        ids.push(context.id);
        times.push(context.occurredAt.getTime());
      });

      const { id } = await publish('ping', { value: 1 }, { metadata: { trace_id: 'trace' } });

      expect(ids).toEqual([id, 'trace', 'ping', id]);
      expect(times[0]).toBe(times[1]);
    });
  });

  describe('onClose', () => {
    it('is called once the bus has removed the handler', async () => {
      const { subscribe, subscribeAll, close, handlerCount } = createLoggedBus();
      const counts: number[] = [];
      subscribe('ping', () => {}, { onClose: () => counts.push(handlerCount('ping')) });
      subscribeAll(() => {}, { onClose: () => counts.push(handlerCount('ping')) });

      await close();

      expect(counts.length).toBe(2);
      expect(handlerCount()).toBe(0);
    });

    it('is not called for a handler that was removed before', async () => {
      const { subscribe, publish, close } = createLoggedBus();
      const onClose = vi.fn();
      subscribe('ping', () => {}, { onClose })();
      subscribe('ping', () => {}, { onClose, once: true });
      await publish('ping', { value: 1 });

      await close();

      expect(onClose).not.toHaveBeenCalled();
    });

    it('may fail without a harm to the others', async () => {
      const reported = vi.spyOn(console, 'error').mockReturnValue();
      const { subscribe, close } = createLoggedBus();
      const onClose = vi.fn();
      subscribe('ping', () => {}, {
        onClose: () => {
          throw new Error('no');
        },
      });
      subscribe('ping', () => {}, { onClose });

      await close();

      expect(onClose).toHaveBeenCalledOnce();
      expect(reported).toHaveBeenCalledExactlyOnceWith(
        '[mapbus] onClose failed. Its further failures are not shown.',
        new Error('no'),
      );
    });
  });

  describe('with a bad argument', () => {
    it.each([
      ['a name', 42, () => {}, undefined, 'event name: expected string, got 42'],
      ['a handler', 'ping', 'handler', undefined, 'handler: expected function, got "handler"'],
      ['a missing handler', 'ping', undefined, undefined, 'handler: expected function, got undefined'],
      ['options', 'ping', () => {}, 'once', 'subscribe options: expected object, got "once"'],
      ['once', 'ping', () => {}, { once: 1 }, 'subscribe options.once: expected boolean, got 1'],
      [
        'an empty label',
        'ping',
        () => {},
        { name: '' },
        'subscribe options.name: expected string that is not empty, got ""',
      ],
      ['onClose', 'ping', () => {}, { onClose: 1 }, 'subscribe options.onClose: expected function, got 1'],
      ['a label', 'ping', () => {}, { name: 7 }, 'subscribe options.name: expected string that is not empty, got 7'],
      [
        'a signal',
        'ping',
        () => {},
        { signal: {} },
        'subscribe options.signal: expected an object with addEventListener, removeEventListener, got object',
      ],
      [
        'a signal that is null',
        'ping',
        () => {},
        { signal: null },
        'subscribe options.signal: expected an object with addEventListener, removeEventListener, got null',
      ],
      [
        'an option',
        'ping',
        () => {},
        { timeout: 5 },
        'subscribe options: unknown option timeout, expected once, signal, name, timeoutMs, onClose',
      ],
      [
        'an inherited name as option',
        'ping',
        () => {},
        { toString: 5 },
        'subscribe options: unknown option toString, expected once, signal, name, timeoutMs, onClose',
      ],
    ])('throws a TypeError that names %s', (_, name, handler, options, message) => {
      const { subscribe, handlerCount } = createLoggedBus();

      expect(() => subscribe(name as never, handler as never, options as never)).toThrow(
        new TypeError(`[mapbus] ${message}`),
      );
      expect(handlerCount()).toBe(0);
    });

    it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, '5', null])(
      'throws a TypeError for timeoutMs %s',
      (timeoutMs) => {
        const { subscribe } = createLoggedBus();

        expect(() => subscribe('ping', () => {}, { timeoutMs: timeoutMs as number })).toThrow(
          /^\[mapbus\] subscribe options\.timeoutMs: expected positive milliseconds, got /,
        );
      },
    );

    it.each([0.5, 1, 2 ** 31 - 1])('takes %s as timeoutMs', (timeoutMs) => {
      const { subscribe } = createLoggedBus();

      expect(() => subscribe('ping', () => {}, { timeoutMs })).not.toThrow();
    });

    it('throws an error with the code closed on a closed bus', async () => {
      const { subscribe, subscribeAll, close } = createLoggedBus();
      await close();

      expect(() => subscribe('ping', () => {})).toThrow(
        expect.objectContaining({ code: 'closed', message: '[mapbus] Cannot subscribe: the bus is closed' }),
      );
      expect(() => subscribeAll(() => {})).toThrow(expect.objectContaining({ code: 'closed' }));
    });
  });
});

describe('subscribeAll', () => {
  it('gives the handler every event with its name', async () => {
    const { subscribeAll, publish } = createLoggedBus();
    const events: unknown[] = [];
    subscribeAll((event, { name }) => events.push([event, name]));

    await publish('ping', { value: 1 });
    await publish('cleared');

    expect(events).toEqual([
      [{ name: 'ping', payload: { value: 1 } }, 'ping'],
      [{ name: 'cleared', payload: undefined }, 'cleared'],
    ]);
  });

  it('begins and ends for names that have handlers of their own', async () => {
    const { subscribe, subscribeAll, publish, handlerCount } = createLoggedBus();
    const all = vi.fn();
    subscribe('ping', () => {});
    await publish('ping', { value: 1 });

    const unsubscribe = subscribeAll(all);
    expect((await publish('ping', { value: 2 })).handlerCount).toBe(2);
    unsubscribe();
    expect((await publish('ping', { value: 3 })).handlerCount).toBe(1);

    expect(all).toHaveBeenCalledOnce();
    expect(handlerCount()).toBe(1);
  });

  it('does not cost more with the number of names', async () => {
    const { bus } = createLoggedBus();
    const untyped = bus as unknown as import('mapbus').EventBus<Record<string, number>>;
    const sorted = vi.spyOn(Array.prototype, 'sort');
    for (let index = 0; index < 1_000; index++) untyped.subscribe(`event.${index}`, () => {});

    untyped.subscribeAll(() => {})();
    const calls = sorted.mock.calls.length;
    await untyped.publish('event.7', 1);

    expect(calls).toBe(0);
    expect(sorted.mock.calls.length).toBe(1);
  });

  it('throws a TypeError for something that is no function', () => {
    const { subscribeAll } = createLoggedBus();

    expect(() => subscribeAll(undefined as never)).toThrow(
      new TypeError('[mapbus] handler: expected function, got undefined'),
    );
  });

  it('labels the handler by its function or by name', async () => {
    const { subscribeAll, publish } = createLoggedBus();
    const audit = () => {
      throw new Error('no');
    };
    subscribeAll(audit);
    subscribeAll(audit, { name: 'label' });

    const { failures } = await publish('cleared');

    expect(failures.map(({ handlerName }) => handlerName)).toEqual(['audit', 'label']);
  });
});

describe('handlerCount', () => {
  it('counts the handlers of a name, those of every event included, or all', () => {
    const { subscribe, subscribeAll, handlerCount } = createLoggedBus();
    expect(handlerCount()).toBe(0);
    subscribe('ping', () => {});
    subscribe('ping', () => {});
    subscribe('pong', () => {});
    subscribeAll(() => {});

    expect([handlerCount('ping'), handlerCount('pong'), handlerCount('cleared'), handlerCount()]).toEqual([3, 2, 1, 4]);
  });
});

describe('handlerCount', () => {
  it('leaves out a handler whose signal is aborted, with a name and without, if a listener stopped the event', () => {
    const { subscribe, subscribeAll, handlerCount } = createLoggedBus();
    const controller = new AbortController();
    controller.signal.addEventListener('abort', (event) => event.stopImmediatePropagation());
    subscribe('ping', () => {}, { signal: controller.signal });
    subscribeAll(() => {}, { signal: controller.signal });
    subscribe('pong', () => {});

    controller.abort();

    expect(handlerCount('ping')).toBe(0);
    expect(handlerCount('pong')).toBe(1);
    expect(handlerCount()).toBe(1);
  });
});
