import { createServiceBus, memory } from 'mapbus/service';
import { describe, expect, it } from 'vitest';

const options = { service: 'shop', transport: memory(), sends: 'all' } as const;
const create = () => createServiceBus<{ e: unknown }>({ ...options, logger: { debug() {}, warn() {}, error() {} } });

describe('createServiceBus throws a TypeError for', () => {
  it.each([
    [
      'a transport that is none',
      { transport: {} },
      'createServiceBus options.transport: expected an object with connect',
    ],
    [
      'a missing transport',
      { transport: undefined },
      'createServiceBus options.transport: expected an object with connect',
    ],
    ['a service with a dot', { service: 'a.b' }, 'createServiceBus options.service: expected up to 100 letters'],
    [
      'a namespace with a slash',
      { namespace: 'a/b' },
      'createServiceBus options.namespace: expected up to 100 letters',
    ],
    ['sends that is missing', { sends: undefined }, 'createServiceBus options.sends: expected "all" or a list'],
    ['sends that is no list of names', { sends: [7] }, 'createServiceBus options.sends: expected "all" or a list'],
    [
      'a key that is no function',
      { keys: { e: 'id' } },
      'createServiceBus options.keys.e: expected function, got "id"',
    ],
    ['an empty source', { source: '' }, 'createServiceBus options.source: expected string that is not empty'],
    ['an unknown option', { prefetch: 7 }, 'createServiceBus options: unknown option prefetch'],
    ['a default of consumers', { consumers: { timeoutMs: 0 } }, 'createServiceBus options.consumers.timeoutMs'],
  ])('%s', (_, given, message) => {
    expect(() => createServiceBus({ ...options, ...given } as never)).toThrow(TypeError);
    expect(() => createServiceBus({ ...options, ...given } as never)).toThrow(message);
  });
});

describe('consume throws a TypeError for', () => {
  it.each([
    ['a name', [7, 'c', () => {}], 'event name: expected string that is not empty, got 7'],
    ['no names', [[], 'c', () => {}], 'event names: expected at least one name, got none'],
    ['a consumer name with a dot', ['e', 'a.b', () => {}], 'consumer name: expected up to 100 letters'],
    ['a handler', ['e', 'c', 'handler'], 'handler: expected function, got "handler"'],
    ['an order', ['e', 'c', () => {}, { order: 'time' }], 'consume options.order: expected "key", got "time"'],
    ['a life', ['e', 'c', () => {}, { expiresAfterMs: 0 }], 'consume options.expiresAfterMs: expected positive number'],
    ['a life that is text', ['e', 'c', () => {}, { expiresAfterMs: '1' }], 'consume options.expiresAfterMs'],
    ['an unknown option', ['e', 'c', () => {}, { retries: 3 }], 'consume options: unknown option retries'],
  ])('%s', (_, args, message) => {
    const { consume } = create();

    expect(() => Reflect.apply(consume, undefined, args)).toThrow(TypeError);
    expect(() => Reflect.apply(consume, undefined, args)).toThrow(message);
  });

  it('two consumers of one name', () => {
    const { consume } = create();
    consume('e', 'c', () => {});

    expect(() => consume('e', 'c', () => {})).toThrow('consumer name: expected a name of its own, got "c" twice');
  });
});

describe('publish refuses, before any handler starts,', () => {
  const deep = (levels: number): object => (levels === 0 ? {} : { a: deep(levels - 1) });
  const cycle: { self?: object } = {};
  cycle.self = cycle;

  it.each([
    ['a Map', { by: new Map() }, 'a Map at payload["by"]'],
    ['bytes', { file: new Uint8Array(2) }, 'a Uint8Array at payload["file"]'],
    ['a buffer', { file: new ArrayBuffer(2) }, 'a ArrayBuffer at payload["file"]'],
    ['an error', { errors: [new Error('no')] }, 'a Error at payload["errors"]["0"]'],
    ['a bigint', 7n, 'a bigint at payload'],
    ['a function', { run: () => {} }, 'a function at payload["run"]'],
    ['a symbol', [Symbol('s')], 'a symbol at payload["0"]'],
    ['a number that is none', { total: Number.NaN }, 'NaN at payload["total"]'],
    ['a date that is none', { at: new Date(Number.NaN) }, 'an invalid date at payload["at"]'],
    ['a cycle', cycle, 'more than 1000 levels at payload["self"]'],
    ['5,000 levels', deep(5_000), 'more than 1000 levels at payload["a"]'],
    [
      'a getter that throws',
      {
        get total() {
          throw new Error('touched');
        },
      },
      'what throws when read (touched) at payload',
    ],
    ['a toJSON with what JSON cannot carry', { money: { toJSON: () => 7n } }, 'a bigint at payload["money"]'],
  ])('%s', async (_, payload, message) => {
    const { subscribe, publish } = create();
    const calls: unknown[] = [];
    subscribe('e', (received) => calls.push(received));

    const { error } = await publish('e', payload);

    expect(error).toMatchObject({ code: 'not_serializable', outcome: 'not-sent' });
    expect(error?.message).toContain(`JSON cannot carry ${message}`);
    expect(calls).toEqual([]);
  });

  it.each([
    ['an empty id', { id: '' }, 'invalid_options'],
    ['metadata that is no string', { metadata: { n: 1 } }, 'invalid_options'],
    ['a time outside RFC 3339', { occurredAt: new Date(8.64e15) }, 'invalid_options'],
    ['a key', { key: 'a' }, 'invalid_options'],
    ['a session', { session: {} }, 'session_unsupported'],
  ])('%s', async (_, given, code) => {
    const { subscribe, publish } = create();
    const calls: unknown[] = [];
    subscribe('e', (received) => calls.push(received));

    const { error } = await publish('e', 1, given as never);

    expect(error).toMatchObject({ code, outcome: 'not-sent' });
    expect(calls).toEqual([]);
  });
});
