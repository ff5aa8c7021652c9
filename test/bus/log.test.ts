import { createEventBus } from 'mapbus';
import { describe, expect, it, vi } from 'vitest';
import { createHostile, createLoggedBus, uuidv7Pattern } from '../support.ts';

const failWith = (error: unknown) => () => {
  throw error;
};

describe('the log', () => {
  it('tells of every publish before its handlers start', async () => {
    const { subscribe, publish, lines } = createLoggedBus();
    let linesAtStart: unknown[] = [];
    subscribe('ping', () => {
      linesAtStart = [...lines];
    });
    subscribe('ping', () => {});

    const { id } = await publish('ping', { value: 1 });

    expect(linesAtStart).toEqual([
      { level: 'debug', message: 'event_publishing', fields: { eventName: 'ping', eventId: id, handlerCount: 2 } },
    ]);
  });

  it('tells of every failed handler', async () => {
    const { subscribe, publish, logged } = createLoggedBus();
    const error = new RangeError('too far');
    subscribe('ping', failWith(error), { name: 'measure' });

    const { id } = await publish('ping', { value: 1 });

    expect(id).toMatch(uuidv7Pattern);
    expect(logged('event_handler_failed')).toEqual([
      {
        level: 'warn',
        message: 'event_handler_failed',
        fields: {
          eventName: 'ping',
          eventId: id,
          handlerName: 'measure',
          errorType: 'RangeError',
          errorMessage: 'too far',
          error,
        },
      },
    ]);
  });

  it.each([
    ['undefined', undefined, 'undefined', 'undefined'],
    ['null', null, 'object', 'null'],
    ['a string', 'gone', 'string', 'gone'],
    ['an object', { message: 'gone' }, 'object', 'gone'],
    ['a symbol', Symbol('gone'), 'symbol', 'Symbol(gone)'],
    ['an object without a prototype', Object.create(null), 'object', 'unreadable'],
    ['a hostile proxy', createHostile(), 'object', 'unreadable'],
  ])('describes %s that was thrown', async (_, error, errorType, errorMessage) => {
    const { subscribe, publish, logged } = createLoggedBus();
    subscribe('ping', failWith(error));

    await publish('ping', { value: 1 });

    expect(logged('event_handler_failed')[0]?.fields).toMatchObject({ errorType, errorMessage });
  });

  it.each([
    'user.login.attempt',
    'user.login.attempted',
    'UserLoginAttempted',
    'userLoginAttempt',
    'LOGIN_ATTEMPT',
    'LOGIN_ATTEMPTED',
    'login-attempt',
    'login attempted',
    'attempt',
    'Attempted',
    'OAuth2Attempt',
  ])('does not tell of the attempt %s by default', async (name) => {
    const debug = vi.fn();
    const bus = createEventBus<Record<string, number>>({ logger: { debug, warn: () => {}, error: () => {} } });
    bus.subscribe(name, () => {});

    await bus.publish(name, 1);

    expect(debug).not.toHaveBeenCalled();
  });

  it.each([
    'user.login.attempt.failed',
    'reattempted',
    'AttemptFailed',
    'attempts',
    'contempt',
    'LOGINATTEMPT',
    'attempting',
  ])('tells of %s, which is no attempt', async (name) => {
    const debug = vi.fn();
    const bus = createEventBus<Record<string, number>>({ logger: { debug, warn: () => {}, error: () => {} } });
    bus.subscribe(name, () => {});

    await bus.publish(name, 1);

    expect(debug).toHaveBeenCalledOnce();
  });

  it('tells of the publishes that logPublish chooses', async () => {
    const { subscribeAll, publish, logged } = createLoggedBus({ logPublish: (name) => name === 'pong' });
    subscribeAll(() => {});

    await publish('ping', { value: 1 });
    await publish('pong', { value: 1 });

    expect(logged('event_publishing').map(({ fields }) => fields.eventName)).toEqual(['pong']);
  });

  it('reports a logPublish that rejects, and logs nothing for it', async () => {
    const reported = vi.spyOn(console, 'error').mockReturnValue();
    const rejects = () => Promise.reject(new Error('no'));
    const { subscribe, publish, lines } = createLoggedBus({ logPublish: rejects as never });
    subscribe('ping', () => {});

    await publish('ping', { value: 1 });
    await vi.waitFor(() => expect(reported).toHaveBeenCalled());

    expect(lines).toEqual([]);
    expect(reported).toHaveBeenCalledExactlyOnceWith(
      '[mapbus] logPublish failed. Its further failures are not shown.',
      new Error('no'),
    );
  });

  it('goes to the console by default, but for what is only for debugging', async () => {
    const debug = vi.spyOn(console, 'debug').mockReturnValue();
    const warn = vi.spyOn(console, 'warn').mockReturnValue();
    const error = vi.spyOn(console, 'error').mockReturnValue();
    const { subscribe, publish, close } = createEventBus<{ ping: number }>();
    subscribe('ping', failWith(new Error('no')));

    await publish('ping', 1);
    await close();
    await publish('ping', 2);

    expect(debug).not.toHaveBeenCalled();
    expect(warn).toHaveBeenCalledExactlyOnceWith(
      'event_handler_failed',
      expect.objectContaining({ eventName: 'ping' }),
    );
    expect(error).toHaveBeenCalledExactlyOnceWith(
      'event_publish_failed',
      expect.objectContaining({ eventName: 'ping' }),
    );
  });

  it('calls a logger as its methods', async () => {
    const logger = {
      lines: [] as string[],
      debug() {},
      warn(message: string) {
        this.lines.push(message);
      },
      error() {},
    };
    const { subscribe, publish } = createLoggedBus({ logger });
    subscribe('ping', failWith('no'));

    await publish('ping', { value: 1 });

    expect(logger.lines).toEqual(['event_handler_failed']);
  });

  it.each([
    ['throws', failWith(new Error('log full'))],
    ['rejects', () => Promise.reject(new Error('log full'))],
  ])('of a logger that %s reaches the console once and never the publisher', async (_, write) => {
    const error = vi.spyOn(console, 'error').mockReturnValue();
    const { subscribe, publish } = createLoggedBus({ logger: { debug: write, warn: write, error: write } });
    const other = vi.fn();
    subscribe('ping', failWith('no'));
    subscribe('ping', other);

    const { failures } = await publish('ping', { value: 1 });
    await vi.waitFor(() => expect(error).toHaveBeenCalled());
    await publish('ping', { value: 2 });

    expect(failures).toHaveLength(1);
    expect(other).toHaveBeenCalledTimes(2);
    expect(error).toHaveBeenCalledExactlyOnceWith(
      '[mapbus] The logger failed. Its further failures are not shown.',
      new Error('log full'),
    );
  });

  it('survives a console that throws', async () => {
    vi.spyOn(console, 'warn').mockImplementation(failWith('no console'));
    vi.spyOn(console, 'error').mockImplementation(failWith('no console'));
    const { subscribe, publish } = createEventBus<{ ping: number }>();
    subscribe('ping', failWith('no'));

    expect((await publish('ping', 1)).failures).toHaveLength(1);
  });
});

describe('onFailure', () => {
  it('receives the event and the failure', async () => {
    const onFailure = vi.fn();
    const { subscribe, publish } = createLoggedBus({ onFailure });
    const error = new Error('no');
    subscribe('ping', failWith(error), { name: 'first' });
    subscribe('ping', () => Promise.reject(error), { name: 'second' });

    const { id, occurredAt } = await publish('ping', { value: 1 }, { metadata: { trace_id: 'a' } });

    const event = { name: 'ping', payload: { value: 1 }, id, occurredAt, metadata: { trace_id: 'a' } };
    expect(onFailure.mock.calls).toEqual([
      [event, { handlerName: 'first', error }],
      [event, { handlerName: 'second', error }],
    ]);
  });

  it('may fail itself', async () => {
    const error = vi.spyOn(console, 'error').mockReturnValue();
    const { subscribe, publish } = createLoggedBus({ onFailure: failWith('tracker down') });
    subscribe('ping', failWith('no'));

    expect((await publish('ping', { value: 1 })).failures).toHaveLength(1);
    await vi.waitFor(() =>
      expect(error).toHaveBeenCalledExactlyOnceWith(
        '[mapbus] onFailure failed. Its further failures are not shown.',
        'tracker down',
      ),
    );
  });
});

describe('an observer whose log fails', () => {
  it('is reported by its place in the option observers', async () => {
    const error = vi.spyOn(console, 'error').mockReturnValue();
    const { subscribe, publish } = createLoggedBus({ observers: [{ publish: () => {} }, { log: failWith('full') }] });
    subscribe('ping', () => {});

    await publish('ping', { value: 1 });

    expect(error).toHaveBeenCalledExactlyOnceWith(
      '[mapbus] log of observer 1 failed. Its further failures are not shown.',
      'full',
    );
  });
});
