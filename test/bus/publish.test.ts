import { UUID } from 'uuidv7';
import { describe, expect, it, vi } from 'vitest';
import { createGate, createHostile, createLoggedBus, uuidv7Pattern } from '../support.ts';

describe('publish', () => {
  it('starts the handlers in subscription order before it returns', () => {
    const { subscribe, subscribeAll, publish } = createLoggedBus();
    const calls: string[] = [];
    subscribe('ping', () => calls.push('first'));
    subscribeAll(() => calls.push('second'));
    subscribe('ping', async () => calls.push('third'));

    publish('ping', { value: 1 });

    expect(calls).toEqual(['first', 'second', 'third']);
  });

  it('gives every handler the very payload of the publisher', async () => {
    const { subscribe, publish } = createLoggedBus();
    const received: unknown[] = [];
    subscribe('ping', (payload) => received.push(payload));
    subscribe('ping', (payload) => received.push(payload));
    const payload = { value: 1 };

    await publish('ping', payload);

    expect(received[0]).toBe(payload);
    expect(received[1]).toBe(payload);
  });

  it('resolves after the last handler has settled', async () => {
    const { subscribe, publish } = createLoggedBus();
    const slow = createGate();
    const slower = createGate();
    let resolved = false;
    subscribe('ping', () => slow.promise);
    subscribe('ping', () => slower.promise);
    const published = publish('ping', { value: 1 }).then((result) => {
      resolved = true;
      return result;
    });

    slow.open();
    await slow.promise;
    await Promise.resolve();
    expect(resolved).toBe(false);
    slower.open();

    expect((await published).handlerCount).toBe(2);
  });

  it('runs asynchronous handlers concurrently', async () => {
    const { subscribe, publish } = createLoggedBus();
    const first = createGate();
    const second = createGate();
    subscribe('ping', async () => {
      second.open();
      await first.promise;
    });
    subscribe('ping', async () => {
      first.open();
      await second.promise;
    });

    expect((await publish('ping', { value: 1 })).failures).toEqual([]);
  });

  it('calls handlers of the exact name only', async () => {
    const { subscribe, publish } = createLoggedBus();
    const pinged = vi.fn();
    const ponged = vi.fn();
    subscribe('ping', pinged);
    subscribe('pong', ponged);

    await publish('pong', { value: 1 });

    expect(pinged).not.toHaveBeenCalled();
    expect(ponged).toHaveBeenCalledOnce();
  });

  it('awaits a thenable that is not a promise', async () => {
    const { subscribe, publish } = createLoggedBus();
    let done = false;
    subscribe('ping', () => ({
      then: (resolve: () => void) => {
        done = true;
        resolve();
      },
    }));

    await publish('ping', { value: 1 });

    expect(done).toBe(true);
  });

  it('takes an object that is no thenable as a handler that has finished', async () => {
    const { subscribe, publish } = createLoggedBus();
    subscribe('ping', () => ({ anything: true }));
    subscribe('ping', () => () => 'a function');

    expect(await publish('ping', { value: 1 })).toMatchObject({ handlerCount: 2, failures: [] });
  });

  it('lets a handler publish, depth first', () => {
    const { subscribe, publish } = createLoggedBus();
    const calls: string[] = [];
    subscribe('ping', () => {
      calls.push('ping 1');
      publish('pong', { value: 1 });
    });
    subscribe('pong', () => calls.push('pong'));
    subscribe('ping', () => calls.push('ping 2'));

    publish('ping', { value: 1 });

    expect(calls).toEqual(['ping 1', 'pong', 'ping 2']);
  });

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', '', '*', 'error', 'then'])(
    'takes %j as a name like any other',
    async (name) => {
      const { bus } = createLoggedBus();
      const untyped = bus as unknown as import('mapbus').EventBus<Record<string, number>>;
      expect((await untyped.publish(name, 1)).handlerCount).toBe(0);
      const handler = vi.fn();
      const unsubscribe = untyped.subscribe(name, handler);

      await untyped.publish(name, 2);
      await untyped.publish(`${name}!`, 3);
      unsubscribe();
      await untyped.publish(name, 4);

      expect(handler.mock.calls.map(([payload]) => payload)).toEqual([2]);
      expect(({} as Record<string, unknown>)['2']).toBeUndefined();
    },
  );

  describe('without handlers', () => {
    it('does nothing, logs nothing and generates no id', async () => {
      const generated = vi.spyOn(UUID, 'fromFieldsV7');
      const { publish, lines } = createLoggedBus();

      const result = await publish('ping', { value: 1 });
      await publish('ping', { value: 1 }, { metadata: { trace_id: 'a' } });

      expect(generated).not.toHaveBeenCalled();
      expect(result).toMatchObject({ handlerCount: 0, failures: [] });
      expect(result.error).toBeUndefined();
      expect(lines).toEqual([]);
    });

    it('has an id and the time of the publish, however late they are read', async () => {
      const { publish } = createLoggedBus();
      const clock = vi.spyOn(Date, 'now').mockReturnValue(1_800_000_000_000);

      const result = await publish('ping', { value: 1 });
      clock.mockReturnValue(1_900_000_000_000);

      expect(result.occurredAt).toEqual(new Date(1_800_000_000_000));
      expect(result.id).toMatch(uuidv7Pattern);
      expect(result.id).toBe(result.id);
    });

    it('keeps the id and the time that it was given', async () => {
      const { publish, lines } = createLoggedBus();
      const occurredAt = new Date('2020-02-02T02:02:02.222Z');

      const result = await publish('ping', { value: 1 }, { id: 'given', occurredAt });

      expect([result.id, result.occurredAt, result.handlerCount]).toEqual(['given', occurredAt, 0]);
      expect(lines).toEqual([]);
    });
  });

  describe('when handlers fail', () => {
    const thrown: [string, unknown][] = [
      ['an error', new Error('no')],
      ['undefined', undefined],
      ['null', null],
      ['a string', 'no'],
      ['a frozen object', Object.freeze({ no: true })],
      ['a hostile proxy', createHostile()],
      ['an object without a prototype', Object.create(null)],
      ['a symbol', Symbol('no')],
    ];

    it.each(thrown)('calls the others and resolves when one throws %s', async (_, error) => {
      const { subscribe, publish } = createLoggedBus();
      const before = vi.fn();
      const after = vi.fn();
      subscribe('ping', before);
      subscribe('ping', () => {
        throw error;
      });
      subscribe('ping', after);

      const { failures, handlerCount } = await publish('ping', { value: 1 });

      expect(handlerCount).toBe(3);
      expect(failures).toHaveLength(1);
      expect(failures[0]?.error === error).toBe(true);
      expect(before).toHaveBeenCalledOnce();
      expect(after).toHaveBeenCalledOnce();
    });

    it.each(thrown)('calls the others and resolves when one rejects with %s', async (_, error) => {
      const { subscribe, publish, logged } = createLoggedBus();
      const other = vi.fn();
      subscribe('ping', () => Promise.reject(error));
      subscribe('ping', other);

      const { failures } = await publish('ping', { value: 1 });

      expect(failures).toHaveLength(1);
      expect(failures[0]?.error === error).toBe(true);
      expect(other).toHaveBeenCalledOnce();
      expect(logged('event_handler_failed')).toHaveLength(1);
    });

    const failing = new Error('broken');
    const brokenThenables: [string, () => unknown][] = [
      [
        'whose then throws',
        () => ({
          then: () => {
            throw failing;
          },
        }),
      ],
      [
        'whose then cannot be read',
        () => ({
          get then() {
            throw failing;
          },
        }),
      ],
      [
        'that rejects and then resolves',
        () => ({
          then: (resolve: () => void, reject: (error: Error) => void) => {
            reject(failing);
            resolve();
            reject(new Error('again'));
          },
        }),
      ],
      [
        'whose constructor throws when it is read again',
        () => {
          let reads = 0;
          return Object.defineProperty(Promise.resolve(), 'constructor', {
            get: () => {
              if (++reads > 1) throw failing;
              return Promise;
            },
          });
        },
      ],
      [
        'that is a promise with a constructor that throws',
        () =>
          Object.defineProperty(Promise.resolve(), 'constructor', {
            get: () => {
              throw failing;
            },
          }),
      ],
    ];

    it.each(brokenThenables)('counts a thenable %s as one failure', async (_, handler) => {
      const { subscribe, publish, logged } = createLoggedBus();
      const other = vi.fn();
      subscribe('ping', handler, { name: 'broken' });
      subscribe('ping', other);

      const { failures, handlerCount } = await publish('ping', { value: 1 });

      expect(failures).toEqual([{ handlerName: 'broken', error: failing }]);
      expect(handlerCount).toBe(2);
      expect(other).toHaveBeenCalledOnce();
      expect(logged('event_handler_failed')).toHaveLength(1);
    });

    it('does not ask a promise for a then of its own', async () => {
      const { subscribe, publish } = createLoggedBus();
      const own = vi.fn();
      subscribe('ping', () => Object.assign(Promise.resolve(), { then: own }));

      expect((await publish('ping', { value: 1 })).failures).toEqual([]);
      expect(own).not.toHaveBeenCalled();
    });

    it('names every failed handler by its function, its label or as anonymous', async () => {
      const { subscribe, publish } = createLoggedBus();
      const error = new Error('no');
      const sendMail = () => {
        throw error;
      };
      subscribe('ping', sendMail);
      subscribe('ping', sendMail, { name: 'audit' });
      subscribe('ping', () => Promise.reject(error));

      const { failures } = await publish('ping', { value: 1 });

      expect(failures.map(({ handlerName }) => handlerName)).toEqual(['sendMail', 'audit', 'anonymous']);
    });

    it('names a handler as anonymous whose name is no string', async () => {
      const { subscribe, publish } = createLoggedBus();
      subscribe(
        'ping',
        Object.defineProperty(() => Promise.reject(new Error('no')), 'name', { value: 7 }),
      );

      expect((await publish('ping', { value: 1 })).failures).toMatchObject([{ handlerName: 'anonymous' }]);
    });
  });

  it('refuses a handler that publishes its own event without an end, and goes on', async () => {
    const { subscribe, publish, idle, logged } = createLoggedBus({ logPublish: () => false });
    let calls = 0;
    subscribe('ping', async () => {
      calls++;
      await publish('ping', { value: 1 });
    });

    const { failures } = await publish('ping', { value: 0 });
    await idle();

    expect(calls).toBe(500);
    expect(failures).toEqual([]);
    const message = '[mapbus] Cannot publish: 500 publishes are inside one another';
    expect(logged('event_publish_failed')).toMatchObject([{ fields: { error: { code: 'too_deep', message } } }]);
    expect((await publish('pong', { value: 1 })).error).toBeUndefined();
  });

  it('may still nest 500 deep after the stack has overflowed in a publish', async () => {
    const { subscribe, publish, handlerCount } = createLoggedBus();
    const below = <Result>(frames: number, run: () => Result): Result =>
      frames === 0 ? run() : below(frames - 1, run);
    const deepest = () => {
      let calls = 0;
      const unsubscribe = subscribe('pong', () => {
        calls++;
        void publish('pong', { value: 1 });
      });
      void publish('pong', { value: 1 });
      unsubscribe();
      return calls;
    };
    let frames = 25;
    subscribe('ping', () => below(frames, () => void publish('ping', { value: 1 })));

    for (; frames < 625; frames += 4) await publish('ping', { value: 1 });

    expect(handlerCount('ping')).toBe(1);
    expect(deepest()).toBe(500);
  });

  it('reads each option once, so that an option which throws later changes nothing', async () => {
    const { publish } = createLoggedBus();
    let reads = 0;
    const options = {
      get local() {
        if (++reads > 1) throw new Error('read again');
        return true;
      },
    };

    expect((await publish('ping', { value: 1 }, options)).error).toBeUndefined();
  });

  it('calls no handler and logs nothing with local: false', async () => {
    const { subscribe, publish, lines } = createLoggedBus();
    const handler = vi.fn();
    subscribe('ping', handler);

    const { handlerCount, error } = await publish('ping', { value: 1 }, { local: false });

    expect([handlerCount, error]).toEqual([0, undefined]);
    expect(handler).not.toHaveBeenCalled();
    expect(lines).toEqual([]);
  });

  it('takes the handlers that are there when it is called, also when the option metadata subscribes', async () => {
    const handler = vi.fn();
    const add = () => {
      bus.subscribe('ping', handler, { once: true });
      return {};
    };
    const bus = createLoggedBus({ metadata: add });

    await bus.publish('ping', { value: 1 });
    expect(handler).not.toHaveBeenCalled();
    await bus.publish('ping', { value: 2 });

    expect(handler).toHaveBeenCalledOnce();
  });

  it('reads each option once', async () => {
    const { subscribe, publish } = createLoggedBus();
    const ids: unknown[] = [];
    subscribe('ping', (_, { id }) => ids.push(id));
    let reads = 0;
    const changing = {
      get id() {
        reads++;
        return `read ${reads}`;
      },
    };

    await publish('ping', { value: 1 }, changing);

    expect(ids).toEqual(['read 1']);
  });

  it('takes the time of a date that gives it as something else', async () => {
    const { publish } = createLoggedBus();
    const occurredAt = { getTime: () => 5n } as unknown as Date;

    expect((await publish('ping', { value: 1 }, { occurredAt })).occurredAt).toEqual(new Date(5));
  });

  describe('that cannot be done', () => {
    it('resolves with an error and logs it when the bus is closed', async () => {
      const { publish, subscribe, close, logged } = createLoggedBus();
      const handler = vi.fn();
      subscribe('ping', handler);
      await close();

      const { error, id, handlerCount } = await publish('ping', { value: 1 });

      expect(error).toMatchObject({ code: 'closed', message: '[mapbus] Cannot publish: the bus is closed' });
      expect(error).not.toHaveProperty('cause');
      expect(handlerCount).toBe(0);
      expect(handler).not.toHaveBeenCalled();
      expect(logged('event_publish_failed')).toEqual([
        { level: 'error', message: 'event_publish_failed', fields: { eventName: 'ping', eventId: id, error } },
      ]);
      expect(id).toMatch(uuidv7Pattern);
    });

    it.each([[42], [undefined], [null], [Symbol('name')], [{}]])(
      'resolves with an error for the name %s',
      async (name) => {
        const { publish, subscribeAll, logged } = createLoggedBus();
        const handler = vi.fn();
        subscribeAll(handler);

        const { error } = await publish(name as never, { value: 1 } as never);

        expect(error).toMatchObject({
          code: 'invalid_name',
          message: '[mapbus] Cannot publish: the event name must be a string',
        });
        expect(handler).not.toHaveBeenCalled();
        expect(logged('event_publish_failed')).toHaveLength(1);
      },
    );

    it.each([
      ['options', 42, /publish options: expected plain object, got 42/],
      ['null for options', null, /publish options: expected plain object, got null/],
      ['metadata', { metadata: 'trace' }, /publish options.metadata: expected object of strings, got "trace"/],
      ['metadata in a map', { metadata: new Map() }, /publish options.metadata: expected object of strings, got Map/],
      [
        'a metadata value',
        { metadata: { a: 'a', attempt: 1 } },
        /publish options.metadata.attempt: expected string, got 1/,
      ],
      ['an id', { id: 7 }, /publish options.id: expected string that is not empty, got 7/],
      ['an empty id', { id: '' }, /publish options.id: expected string that is not empty, got ""/],
      ['a time', { occurredAt: '2026-01-01' }, /publish options.occurredAt: expected valid date, got "2026-01-01"/],
      ['a time that is none', { occurredAt: new Date(Number.NaN) }, /publish options.occurredAt: expected valid date/],
      ['a context', { from: 'ping' }, /publish options.from: expected object, got "ping"/],
      [
        'a context without metadata',
        { from: {} },
        /publish options.from.metadata: expected object of strings, got undefined/,
      ],
      ['a key', { key: 'a' }, /publish options: unknown option key, expected metadata, /],
      ['an unknown option', { meta: {} }, /publish options: unknown option meta, expected metadata, session, id, /],
    ])('resolves with an error for bad options: %s', async (_, options, message) => {
      const { publish, subscribe } = createLoggedBus();
      const handler = vi.fn();
      subscribe('ping', handler);

      const { error } = await publish('ping', { value: 1 }, options as never);

      expect(error).toMatchObject({ code: 'invalid_options', message: expect.stringMatching(message) });
      expect(error?.message).toMatch(/^\[mapbus\] Cannot publish: publish options[^[]+$/);
      expect(error?.cause).toEqual(
        expect.objectContaining({ name: 'TypeError', message: expect.stringMatching(message) }),
      );
      expect(handler).not.toHaveBeenCalled();
    });

    it('resolves with an error for options that throw when read', async () => {
      const { publish } = createLoggedBus();

      expect((await publish('ping', { value: 1 }, createHostile())).error?.code).toBe('invalid_options');
    });
  });
});

describe('the options of publish', () => {
  it('are no context: its fields are getters, and would all be ignored', async () => {
    const { subscribe, publish } = createLoggedBus();
    const codes: unknown[] = [];
    subscribe('ping', async (_payload, context) => {
      const { error } = await publish('pong', { value: 2 }, context);
      codes.push(error?.code, error?.message);
    });

    await publish('ping', { value: 1 }, { metadata: { trace_id: 'a' } });

    expect(codes).toEqual([
      'invalid_options',
      '[mapbus] Cannot publish: publish options: expected plain object, got object with a prototype of its own',
    ]);
  });

  it.each([
    ['an array', []],
    ['a map', new Map()],
    ['a promise', Promise.resolve({ id: 'e-1' })],
    ['what inherits options', Object.create({ id: 'e-1' })],
  ])('are a plain object, and not %s', async (_, options) => {
    const { publish } = createLoggedBus();

    expect((await publish('ping', { value: 1 }, options as never)).error?.code).toBe('invalid_options');
  });
});
