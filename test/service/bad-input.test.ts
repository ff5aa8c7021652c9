import { createServiceBus, memory } from 'mapbus/service';
import { describe, expect, it } from 'vitest';
import { createHostile } from '../support.ts';
import { createFakeTransport, createRecordingLogger } from './support.ts';

const options = { service: 'shop', transport: memory(), sends: 'all' } as const;
const create = () => createServiceBus<{ e: unknown }>({ ...options, logger: createRecordingLogger().logger });

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
    ['a logger that is none', { logger: 5 }, 'createServiceBus options.logger: expected an object with debug, warn'],
    ['observers that are no list', { observers: {} }, 'createServiceBus options.observers: expected array'],
    ['an empty name in sends', { sends: [''] }, 'createServiceBus options.sends: expected "all" or a list of event'],
    ['a contextStorage that is null', { contextStorage: null }, 'createServiceBus options.contextStorage: expected an'],
    ['formerly for all consumers', { consumers: { formerly: 'x' } }, 'createServiceBus options.consumers.formerly'],
    ['a transport without a connection', { transport: { connect: () => undefined } }, 'transport.connect()'],
    [
      'a connection without features',
      { transport: createFakeTransport({ features: undefined as never }).transport },
      'transport.connect().features: expected object',
    ],
    ['a contextStorage that is none', { contextStorage: {} }, 'createServiceBus options.contextStorage: expected an'],
    ['a service that is missing', { service: undefined }, 'createServiceBus options.service: expected string'],
    ['a service that is empty', { service: '' }, 'createServiceBus options.service: expected up to 100 letters'],
    ['a service of 101 letters', { service: 'a'.repeat(101) }, 'createServiceBus options.service: expected up to 100'],
    ['a time that is none', { publishTimeoutMs: 0 }, 'createServiceBus options.publishTimeoutMs: expected positive'],
    [
      'a limit that is none',
      { maxEventBytes: 1.5 },
      'createServiceBus options.maxEventBytes: expected positive integer',
    ],
    ['a number of publishes', { maxPendingPublishes: -1 }, 'createServiceBus options.maxPendingPublishes: expected'],
    [
      'a concurrency that is none',
      { concurrency: 0 },
      'createServiceBus options.concurrency: expected positive integer',
    ],
    ['a readyTimeoutMs that is text', { readyTimeoutMs: '1' }, 'createServiceBus options.readyTimeoutMs: expected'],
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
    [
      'a life',
      ['e', 'c', () => {}, { expiresAfterMs: 0 }],
      'consume options.expiresAfterMs: expected positive integer',
    ],
    ['a life that is text', ['e', 'c', () => {}, { expiresAfterMs: '1' }], 'consume options.expiresAfterMs'],
    ['an unknown option', ['e', 'c', () => {}, { retries: 3 }], 'consume options: unknown option retries'],
    ['an empty event name', ['', 'c', () => {}], 'event name: expected string that is not empty, got ""'],
    ['a name in a list', [['e', 7], 'c', () => {}], 'event name: expected string that is not empty, got 7'],
    ['a consumer name that is missing', ['e', () => {}], 'consumer name: expected string, got function'],
    ['a consumer name that is empty', ['e', '', () => {}], 'consumer name: expected up to 100 letters'],
    ['a consumer name with a dash first', ['e', '-c', () => {}], 'consumer name: expected up to 100 letters'],
    ['a former name with a dot', ['e', 'c', () => {}, { formerly: 'a.b' }], 'consume options.formerly: expected up to'],
    ['no attempts', ['e', 'c', () => {}, { maxAttempts: 0 }], 'consume options.maxAttempts: expected positive integer'],
    ['a delay that is none', ['e', 'c', () => {}, { retryDelayMs: 0 }], 'consume options.retryDelayMs: expected'],
    ['a time beyond timers', ['e', 'c', () => {}, { timeoutMs: 2 ** 31 }], 'consume options.timeoutMs: expected'],
    ['a concurrency', ['e', 'c', () => {}, { concurrency: 0.5 }], 'consume options.concurrency: expected positive'],
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

describe('consume', () => {
  it('throws a TypeError for what the transport refuses', () => {
    const refuseConsumer = () => 'expected a shorter name';
    const { transport } = createFakeTransport({ refuseConsumer });
    const { consume, health } = createServiceBus<{ e: unknown }>({ ...options, transport });

    expect(() => consume('e', 'c', () => {})).toThrow(TypeError);
    expect(() => consume('e', 'c', () => {})).toThrow('[mapbus] consumer: expected a shorter name');
    expect(health().consumers).toEqual([]);
  });

  it('takes names that brokers can use', () => {
    const { consume } = create();

    for (const name of ['a', 'A-b_c9', 'a'.repeat(100)]) expect(() => consume('e', name, () => {})).not.toThrow();
  });
});

describe('memory', () => {
  it.each([
    [{ maxDeadLetters: 0 }, 'memory options.maxDeadLetters: expected positive integer, got 0'],
    [{ seed: 1 }, 'memory options: unknown option seed'],
  ])('throws a TypeError for %o', (given, message) => {
    expect(() => memory(given as never)).toThrow(TypeError);
    expect(() => memory(given as never)).toThrow(message);
  });
});

describe('publish refuses, before any handler starts,', () => {
  const deep = (levels: number): object => (levels === 0 ? {} : { a: deep(levels - 1) });
  const cycle: { self?: object } = {};
  cycle.self = cycle;

  it.each([
    ['a Map', { by: new Map() }, 'a Map at payload["by"]'],
    ['bytes', { file: new Uint8Array(2) }, 'a Uint8Array at payload["file"]'],
    ['a buffer', { file: new ArrayBuffer(2) }, 'an ArrayBuffer at payload["file"]'],
    ['an error', { errors: [new Error('no')] }, 'an Error at payload["errors"]["0"]'],
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
    ['a Set in a list', [[new Set()]], 'a Set at payload["0"]["0"]'],
    ['a WeakMap', new WeakMap(), 'a WeakMap at payload'],
    ['an error that is the payload', new TypeError('no'), 'an Error at payload'],
    ['what throws at every touch', createHostile(), 'what throws when read (touched) at payload'],
    ['a toJSON that throws', { toJSON: () => createHostile() }, 'what throws when read (touched) at payload'],
    ['a date with a toJSON of its own', Object.assign(new Date(0), { toJSON: () => 7n }), 'the payload'],
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
    ['a time before the year 0', { occurredAt: new Date(-1e14) }, 'invalid_options'],
    ['a time that is none', { occurredAt: new Date(Number.NaN) }, 'invalid_options'],
    ['an unknown option', { retries: 3 }, 'invalid_options'],
    ['local that is no boolean', { local: 0 }, 'invalid_options'],
    ['from without metadata', { from: {} }, 'invalid_options'],
    ['from that throws at every touch', { from: createHostile() }, 'invalid_options'],
    ['options that throw at every touch', createHostile(), 'invalid_options'],
    ['options that are none', 7, 'invalid_options'],
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

  it.each([
    ['that is no string', 7, 'invalid_name'],
    ['that is empty', '', 'invalid_name'],
  ])('a name %s', async (_, name, code) => {
    const { publish } = create();

    const { error } = await publish(name as never, 1);

    expect(error).toMatchObject({ code, outcome: 'not-sent' });
  });

  it('nothing that JSON carries', async () => {
    const { publish } = create();
    const payloads = [
      null,
      'text',
      0,
      true,
      undefined,
      [undefined],
      { at: new Date(0), list: [{ a: [[]] }] },
      Object.create(null),
    ];

    const results = await Promise.all(payloads.map((payload) => publish('e', payload)));

    expect(results.map(({ error }) => error)).toEqual(payloads.map(() => undefined));
  });
});
