import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { uuidv7Pattern } from '../../support.ts';

beforeEach(() => {
  // Without the random numbers that an earlier test may have left.
  vi.resetModules();
});
afterEach(() => {
  vi.unstubAllGlobals();
});

describe('without crypto, as in React Native', () => {
  it('a failing handler is logged with an id, the others run and nothing stays current', async () => {
    vi.stubGlobal('crypto', undefined);
    const warn = vi.spyOn(console, 'warn').mockReturnValue();
    const { createEventBus } = await import('mapbus');
    const { subscribe, publish, getMetadata } = createEventBus<{ ping: number }>();
    const other = vi.fn();
    subscribe('ping', () => {
      throw new Error('sync');
    });
    subscribe('ping', () => Promise.reject(new Error('async')));
    subscribe('ping', other);

    const result = await publish('ping', 1, { metadata: { trace_id: 'a' } });

    expect(result.failures).toHaveLength(2);
    expect(result.id).toMatch(uuidv7Pattern);
    expect(other).toHaveBeenCalledOnce();
    expect(warn.mock.calls.map(([, fields]) => fields.eventId)).toEqual([result.id, result.id]);
    expect(getMetadata()).toEqual({});
  });

  it.each([
    ['is empty', {}],
    [
      'throws, as at the start of a worker',
      {
        getRandomValues: () => {
          throw new Error('not allowed here');
        },
      },
    ],
  ])('ids differ and are in order when crypto %s', async (_, crypto) => {
    vi.stubGlobal('crypto', crypto);
    const { createEventBus } = await import('mapbus');
    const { publish } = createEventBus<{ ping: number }>();

    const ids = [];
    for (let value = 0; value < 500; value++) ids.push((await publish('ping', value)).id);

    expect(ids).toEqual(ids.toSorted());
    expect(new Set(ids).size).toBe(500);
    // They end in random digits.
    expect(new Set(ids.map((id) => id.slice(-8))).size).toBeGreaterThan(490);
    for (const id of ids) expect(id).toMatch(uuidv7Pattern);
  });
});

describe('without DOMException, as in React Native', () => {
  it('time limits of handlers, of waitFor and of close end as they should', async () => {
    vi.stubGlobal('DOMException', undefined);
    vi.spyOn(console, 'warn').mockReturnValue();
    const { createEventBus, waitFor } = await import('mapbus');
    const bus = createEventBus<{ ping: number; pong: number }>();
    bus.subscribe('ping', () => new Promise(() => {}), { timeoutMs: 5 });
    bus.subscribe('pong', () => new Promise(() => {}));

    const { failures } = await bus.publish('ping', 1);
    expect(failures).toMatchObject([{ error: { name: 'TimeoutError', code: 'timeout' } }]);
    await expect(waitFor(bus, 'ping', { timeoutMs: 5 })).rejects.toMatchObject({ code: 'timeout' });
    void bus.publish('pong', 1);

    await expect(bus.close({ drainTimeoutMs: 5 })).resolves.toBeUndefined();
  });
});

describe('without the modules of Node', () => {
  it.each([
    ['without a process', undefined],
    ['with another process', {}],
    ['with a process that has no such module', { getBuiltinModule: () => undefined }],
    ['with a module that lacks the function', { getBuiltinModule: () => ({}) }],
  ])('a handler has its signal %s', async (_, process) => {
    const { createEventBus } = await import('mapbus');
    const { subscribe, publish } = createEventBus<{ ping: number }>();
    let isAborted: boolean | undefined;
    subscribe('ping', (_, { signal }) => {
      isAborted = signal.aborted;
    });

    vi.stubGlobal('process', process);
    const published = publish('ping', 1);
    vi.unstubAllGlobals();

    expect((await published).failures).toEqual([]);
    expect(isAborted).toBe(false);
  });
});

describe('without a console', () => {
  it('a failing handler and a failing logger harm nobody', async () => {
    vi.stubGlobal('console', undefined);
    const { createEventBus } = await import('mapbus');
    const { subscribe, publish } = createEventBus<{ ping: number }>();
    subscribe('ping', () => {
      throw new Error('no');
    });

    expect((await publish('ping', 1)).failures).toHaveLength(1);
  });
});
