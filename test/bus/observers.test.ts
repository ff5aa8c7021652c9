import fc from 'fast-check';
import { createEventBus, type EventBusOptions, type Observer, type PublishResult } from 'mapbus';
import { beforeEach, describe, expect, it, type MockInstance, vi } from 'vitest';
import { createGate, createLoggedBus, uuidv7Pattern } from '../support.ts';

const silent = { logger: { debug: () => {}, warn: () => {}, error: () => {} } };

describe('an observer', () => {
  it('sees every publish and its result', async () => {
    const seen: unknown[] = [];
    const observer: Observer = {
      publish: async (event, run) => {
        seen.push(event);
        const { handlerCount, failures } = await run();
        seen.push([handlerCount, failures.length]);
      },
    };
    const { subscribe, publish } = createLoggedBus({ observers: [observer] });
    subscribe('ping', () => Promise.reject(new Error('no')));
    const options = { metadata: { trace_id: 'a' } };

    await publish('ping', { value: 1 }, options);
    await publish('pong', { value: 2 });

    expect(seen).toEqual([
      { name: 'ping', payload: { value: 1 }, options, handlerCount: 1 },
      [1, 1],
      { name: 'pong', payload: { value: 2 }, options: undefined, handlerCount: 0 },
      [0, 0],
    ]);
  });

  it('sees a publish that is refused', async () => {
    const results: PublishResult[] = [];
    const observer: Observer = { publish: async (_, run) => results.push(await run()) };
    const { publish, close } = createLoggedBus({ observers: [observer] });
    await close();

    await publish('ping', { value: 1 });

    expect(results.map(({ error }) => error?.code)).toEqual(['closed']);
  });

  it('sees every call of a handler, and what it returns or throws', async () => {
    const seen: unknown[] = [];
    const observer: Observer = {
      handle: ({ handlerName, payload, context }, run) => {
        seen.push([handlerName, payload, context.name, context.metadata]);
        try {
          seen.push(run());
        } catch (error) {
          seen.push(error);
        }
      },
    };
    const { subscribe, subscribeAll, publish } = createLoggedBus({ observers: [observer] });
    const error = new Error('no');
    const promise = Promise.resolve();
    subscribe('ping', () => promise, { name: 'async' });
    subscribeAll(() => 7, { name: 'all' });
    subscribe(
      'ping',
      () => {
        throw error;
      },
      { name: 'throws', once: true },
    );

    await publish('ping', { value: 1 }, { metadata: { trace_id: 'a' } });

    const call = (name: string) => [name, { value: 1 }, 'ping', { trace_id: 'a' }];
    expect(seen).toEqual([call('async'), promise, call('all'), 7, call('throws'), error]);
  });

  it('sees a handler fail that runs out of time', async () => {
    const seen: unknown[] = [];
    const observer: Observer = { handle: (_, run) => Promise.resolve(run()).catch(({ code }) => seen.push(code)) };
    const { subscribe, publish } = createLoggedBus({ observers: [observer] });
    subscribe('ping', () => createGate().promise, { timeoutMs: 5 });

    await publish('ping', { value: 1 });

    expect(seen).toEqual(['timeout']);
  });

  it('is around the handler before it starts, in the order of the list', async () => {
    const calls: string[] = [];
    const around = (name: string): Observer => ({
      publish: (_, run) => {
        calls.push(`${name} publish`);
        void run();
        calls.push(`${name} published`);
      },
      handle: (_, run) => {
        calls.push(`${name} handle`);
        run();
        calls.push(`${name} handled`);
      },
    });
    const { subscribe, publish } = createLoggedBus({ observers: [around('outer'), around('inner')] });
    subscribe('ping', () => calls.push('handler'));

    void publish('ping', { value: 1 });

    expect(calls).toEqual([
      'outer publish',
      'inner publish',
      'outer handle',
      'inner handle',
      'handler',
      'inner handled',
      'outer handled',
      'inner published',
      'outer published',
    ]);
  });

  it('gets every line of the log, whatever the logger is', async () => {
    const lines: unknown[] = [];
    vi.spyOn(console, 'warn').mockReturnValue();
    const debug = vi.spyOn(console, 'debug').mockReturnValue();
    const observer: Observer = { log: (level, message, { eventId }) => lines.push([level, message, eventId]) };
    const { subscribe, publish } = createEventBus<{ ping: number }>({ observers: [observer] });
    subscribe('ping', () => Promise.reject(new Error('no')));

    const { id } = await publish('ping', 1);

    expect(id).toMatch(uuidv7Pattern);
    expect(lines).toEqual([
      ['debug', 'event_publishing', id],
      ['warn', 'event_handler_failed', id],
    ]);
    expect(debug).not.toHaveBeenCalled();
  });

  it('adds metadata that wins over that of the publisher', async () => {
    const add =
      (metadata: Record<string, string>): Observer['publish'] =>
      (_, run) =>
        run(metadata);
    const observers = [{ publish: add({ a: 'outer', b: 'outer' }) }, { publish: add({ b: 'inner' }) }];
    const { subscribe, publish } = createLoggedBus({ observers });
    const seen: unknown[] = [];
    subscribe('ping', (_, { metadata }) => seen.push(metadata));

    await publish('ping', { value: 1 }, { metadata: { a: 'own', b: 'own', c: 'own' } });
    await publish('ping', { value: 1 });

    expect(seen).toEqual([
      { a: 'outer', b: 'inner', c: 'own' },
      { a: 'outer', b: 'inner' },
    ]);
  });

  it('that adds metadata of a wrong type is reported, and the event is published without it', async () => {
    const reported = vi.spyOn(console, 'error').mockReturnValue();
    const observer: Observer = { publish: (_, run) => run({ attempt: 1 as never }) };
    const { subscribe, publish } = createLoggedBus({ observers: [observer] });
    const seen: unknown[] = [];
    subscribe('ping', (_, { metadata }) => seen.push(metadata));

    const { error } = await publish('ping', { value: 1 }, { metadata: { trace_id: 'a' } });

    expect(error).toBeUndefined();
    expect(seen).toEqual([{ trace_id: 'a' }]);
    expect(reported).toHaveBeenCalledExactlyOnceWith(
      '[mapbus] The metadata of an observer failed. Its further failures are not shown.',
      new TypeError('[mapbus] The metadata of an observer.attempt: expected string, got 1'),
    );
  });
});

/** What an observer can do wrong, around any call. Whether the console tells of it. */
const misbehaviours: Record<string, { isReported: boolean; observe: (run: () => unknown) => unknown }> = {
  'throws before': {
    isReported: true,
    observe: () => {
      throw new Error('observer');
    },
  },
  'throws after': {
    isReported: true,
    observe: (run) => {
      try {
        run();
      } catch {
        // Replaced by its own.
      }
      throw new Error('observer');
    },
  },
  'never runs it': { isReported: false, observe: () => 'nothing' },
  'runs it twice': {
    isReported: false,
    observe: (run) => {
      run();
      return run();
    },
  },
  'runs it late': { isReported: false, observe: (run) => Promise.resolve().then(run) },
  'rejects without it': { isReported: true, observe: () => Promise.reject(new Error('observer')) },
  'rejects after it': {
    isReported: true,
    observe: async (run) => {
      try {
        await run();
      } catch {
        // Replaced by its own.
      }
      throw new Error('observer');
    },
  },
  'passes everything on': { isReported: false, observe: (run) => run() },
  'passes everything on later': { isReported: false, observe: async (run) => run() },
};

const outcomes: Record<string, { fails: boolean; run: () => unknown }> = {
  returns: { fails: false, run: () => 7 },
  resolves: { fails: false, run: async () => 7 },
  throws: {
    fails: true,
    run: () => {
      throw new Error('handler');
    },
  },
  rejects: { fails: true, run: () => Promise.reject(new Error('handler')) },
};

describe('observers do not disturb each other', () => {
  it('metadata that throws when read is left out, and that of the others is kept', async () => {
    vi.spyOn(console, 'error').mockReturnValue();
    const hostile = {
      get b(): string {
        throw new Error('touched');
      },
    };
    const observers: Observer[] = [{ publish: (_, run) => run({ a: '1' }) }, { publish: (_, run) => run(hostile) }];
    const { subscribe, publish } = createLoggedBus({ observers });
    const seen: unknown[] = [];
    subscribe('ping', (_, { metadata }) => seen.push(metadata));

    expect((await publish('ping', { value: 1 })).error).toBeUndefined();
    expect(seen).toEqual([{ a: '1' }]);
  });

  it('each gets its own fields of a log line', async () => {
    const seen: unknown[] = [];
    const change: Observer = { log: (_, __, fields) => Object.assign(fields, { eventName: 'changed' }) };
    const observers = [change, { log: (_: unknown, __: unknown, fields: object) => seen.push({ ...fields }) }];
    const { subscribe, publish, lines } = createLoggedBus({ observers });
    subscribe('ping', () => {});

    await publish('ping', { value: 1 });

    expect(seen).toMatchObject([{ eventName: 'ping' }]);
    expect(lines).toMatchObject([{ fields: { eventName: 'ping' } }]);
  });

  it('a handler that an observer subscribes waits for the next publish', async () => {
    const handler = vi.fn();
    let subscribe: ReturnType<typeof createLoggedBus>['subscribe'] | undefined;
    const observer: Observer = {
      publish: (_, run) => {
        subscribe?.('ping', handler, { once: true });
        return run();
      },
    };
    const bus = createLoggedBus({ observers: [observer] });
    subscribe = bus.subscribe;

    expect((await bus.publish('ping', { value: 1 })).handlerCount).toBe(0);
    expect((await bus.publish('ping', { value: 2 })).handlerCount).toBe(1);
  });

  it('are called as methods of their observer', async () => {
    const receivers: unknown[] = [];
    const observer: Observer = {
      publish(_, run) {
        receivers.push(this);
        return run();
      },
      handle(_, run) {
        receivers.push(this);
        return run();
      },
      log() {
        receivers.push(this);
      },
    };
    const { subscribe, publish } = createLoggedBus({ observers: [observer] });
    subscribe('ping', () => {});

    await publish('ping', { value: 1 });

    expect(receivers.map((receiver) => receiver === observer)).toEqual([true, true, true]);
  });
});

describe('whatever observers do', () => {
  let reported: MockInstance<typeof console.error>;
  beforeEach(() => {
    reported = vi.spyOn(console, 'error').mockReturnValue();
  });

  const kinds = fc.array(fc.constantFrom(...Object.keys(misbehaviours)), { minLength: 1, maxLength: 3 });
  const handlers = fc.array(fc.constantFrom(...Object.keys(outcomes)), { maxLength: 4 });

  it('each handler is called once and the result is that of the handlers', async () => {
    await fc.assert(
      fc.asyncProperty(kinds, kinds, handlers, async (publishKinds, handleKinds, handlerKinds) => {
        reported.mockClear();
        const observe = (kind: string) => misbehaviours[kind]?.observe ?? (() => {});
        const observers: EventBusOptions['observers'] = [
          ...publishKinds.map((kind) => ({ publish: (_: unknown, run: () => unknown) => observe(kind)(run) })),
          ...handleKinds.map((kind) => ({ handle: (_: unknown, run: () => unknown) => observe(kind)(run) })),
        ];
        const { subscribe, publish, getMetadata, idle } = createEventBus<{ e: number }>({ ...silent, observers });
        const calls = handlerKinds.map(() => 0);
        handlerKinds.forEach((kind, index) => {
          const handler = () => {
            calls[index] = (calls[index] ?? 0) + 1;
            expect(getMetadata()).toEqual({ trace_id: 'a' });
            return outcomes[kind]?.run();
          };
          subscribe('e', handler, { name: String(index) });
        });

        const publishing = publish('e', 1, { metadata: { trace_id: 'a' } });
        expect(calls).toEqual(handlerKinds.map(() => 1));
        const result = await publishing;
        await idle();
        await new Promise((resolve) => setTimeout(resolve));

        expect(calls).toEqual(handlerKinds.map(() => 1));
        expect(result.handlerCount).toBe(handlerKinds.length);
        const expected = handlerKinds.flatMap((kind, index) => (outcomes[kind]?.fails ? [index] : []));
        expect(result.failures.map(({ handlerName }) => Number(handlerName)).sort()).toEqual(expected);
        for (const { error } of result.failures) expect(error).toEqual(new Error('handler'));
        const reports = (hook: string, kinds: readonly string[], offset: number) =>
          kinds.flatMap((kind, index) =>
            misbehaviours[kind]?.isReported ? [`${hook} of observer ${index + offset}`] : [],
          );
        expect(reported.mock.calls.map(([message]) => /^\[mapbus\] (.+) failed/.exec(message)?.[1]).sort()).toEqual(
          [
            ...reports('publish', publishKinds, 0),
            ...(handlerKinds.length > 0 ? reports('handle', handleKinds, publishKinds.length) : []),
          ].sort(),
        );
      }),
      { numRuns: 300 },
    );
  });

  it('one that throws undefined is reported before publish returns', () => {
    const observer: Observer = {
      handle: (_, run) => {
        run();
        throw undefined;
      },
    };
    const { subscribe, publish } = createLoggedBus({ observers: [{}, observer] });
    subscribe('ping', () => {});

    void publish('ping', { value: 1 });

    expect(reported).toHaveBeenCalledExactlyOnceWith(
      '[mapbus] handle of observer 1 failed. Its further failures are not shown.',
      undefined,
    );
  });

  it('a log observer that throws or rejects is reported once and harms nobody', async () => {
    const observers: Observer[] = [
      { handle: (_, run) => run() },
      {
        log: () => {
          throw new Error('observer');
        },
      },
      { log: () => Promise.reject(new Error('observer')) },
    ];
    const { subscribe, publish, lines } = createLoggedBus({ observers });
    subscribe('ping', () => {});

    await publish('ping', { value: 1 });
    const { failures } = await publish('ping', { value: 2 });

    expect(failures).toEqual([]);
    expect(lines).toHaveLength(2);
    expect(reported.mock.calls).toEqual(
      [1, 2].map((index) => [
        `[mapbus] log of observer ${index} failed. Its further failures are not shown.`,
        new Error('observer'),
      ]),
    );
  });
});
