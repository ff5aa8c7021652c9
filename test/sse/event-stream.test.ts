import { createEventBus } from 'mapbus';
import { eventStream } from 'mapbus/sse';
import { describe, expect, it, vi } from 'vitest';
import { createStream, everyone, firstId, read, request } from './support.ts';

const values = (payloads: readonly unknown[]) => payloads.map((payload) => (payload as { value: number }).value);

describe('an event stream', () => {
  it('sends each event as it is published, as a CloudEvent without metadata', async () => {
    const { stream, bus } = createStream();
    const response = stream.respond(request(), everyone);
    const seen = read(response, ({ payloads }) => payloads.length === 1);

    const { id } = await bus.publish(
      'ping',
      { value: 1 },
      { metadata: { ip_address: '10.0.0.1' }, occurredAt: new Date(0) },
    );

    const [, data = ''] = /^data: (.*"specversion".*)$/m.exec((await seen).text) ?? [];
    expect(JSON.parse(data)).toEqual({
      specversion: '1.0',
      id,
      source: expect.stringMatching(/^\/mapbus\/sse\/./),
      type: 'ping',
      time: '1970-01-01T00:00:00.000Z',
      hops: 1,
      data: { value: 1 },
    });
    expect((await seen).text).not.toContain('10.0.0.1');
  });

  it('has headers that keep proxies from holding events back', () => {
    const { stream } = createStream();
    const { status, headers } = stream.respond(request(), everyone);

    expect(status).toBe(200);
    expect(Object.fromEntries(headers)).toEqual({
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    });
  });

  it('gives a browser an id before its first event, so that it can come back', async () => {
    const { stream, ping } = createStream();
    const id = await firstId(stream);
    await ping(1);

    const { payloads, gaps } = await read(stream.respond(request(id), everyone), (seen) => seen.payloads.length === 1);

    expect([values(payloads), gaps]).toEqual([[1], 0]);
  });

  it('sends what a browser has missed, in order, and goes on', async () => {
    const { stream, ping } = createStream();
    await ping(0);
    const id = await firstId(stream);
    for (const value of [1, 2, 3]) await ping(value);

    const seen = read(stream.respond(request(id), everyone), ({ payloads }) => payloads.length === 4);
    await ping(4);

    expect(values((await seen).payloads)).toEqual([1, 2, 3, 4]);
  });

  it('tells a browser that comes back too late of a gap', async () => {
    const { stream, ping } = createStream({ replay: 2, highWaterMark: 1 });
    const id = await firstId(stream);
    for (const value of [1, 2, 3]) await ping(value);

    const seen = read(stream.respond(request(id), everyone), ({ payloads }) => payloads.length === 1);
    await ping(4);

    expect([values((await seen).payloads), (await seen).gaps]).toEqual([[4], 1]);
  });

  it('sends all that is kept to one that comes just in time', async () => {
    const { stream, ping } = createStream({ replay: 3, highWaterMark: 1 });
    const id = await firstId(stream);
    for (const value of [1, 2, 3]) await ping(value);

    const { payloads, gaps } = await read(stream.respond(request(id), everyone), (seen) => seen.payloads.length === 3);

    expect([values(payloads), gaps]).toEqual([[1, 2, 3], 0]);
  });

  it.each(['other.0', 'other', '7', '..', 'x'.repeat(10_000)])(
    'takes %.20s, an id of another stream, for a gap',
    async (id) => {
      const { stream } = createStream();

      expect((await read(stream.respond(request(id), everyone), ({ text }) => text !== '')).gaps).toBe(1);
    },
  );

  it.each<[string, (first: number) => string]>([
    ['of an event that is not published yet', (first) => `${first + 1}`],
    ['from before the first', (first) => `${first - 1}`],
    ['between two events', (first) => `${first}.5`],
    ['of another stream', () => '1'],
    ['that is none', () => 'NaN'],
    ['without end', () => '1e999'],
    ['of two headers', (first) => `${first}, ${first}`],
    ['of a text that is long', () => '9'.repeat(10_000)],
    ['of a prototype', () => '__proto__'],
  ])('takes a number %s for a gap', async (_, idFrom) => {
    const { stream } = createStream();
    const first = Number(await firstId(stream));
    const response = stream.respond(request(idFrom(first)), everyone);

    expect((await read(response, ({ text }) => text !== '')).gaps).toBe(1);
  });

  it('begins with another number in each stream, so that none is taken for that of another process', async () => {
    const ids = await Promise.all([1, 2, 3].map(() => firstId(createStream().stream)));

    expect(new Set(ids).size).toBe(3);
    for (const id of ids) expect(Number.isSafeInteger(Number(id) + 1e9)).toBe(true);
  });

  it('says nothing of a gap to a browser that comes first', async () => {
    const { stream, ping } = createStream({ replay: 1 });
    for (const value of [1, 2, 3]) await ping(value);

    expect((await read(stream.respond(request(), everyone), ({ text }) => text !== '')).gaps).toBe(0);
  });

  it('lets browsers come back at different times', async () => {
    const { stream } = createStream();
    const times = new Set<string>();
    for (let browser = 0; browser < 20; browser++) {
      const { text } = await read(stream.respond(request(), everyone), (seen) => seen.text !== '');
      times.add(/^retry: (\d+)\n/.exec(text)?.[1] ?? 'none');
    }

    expect(times.size).toBeGreaterThan(5);
    for (const time of times) expect(Number(time)).toSatisfy((ms: number) => ms >= 1_000 && ms < 2_000);
  });

  it('has a sign of life, with the number up to which a browser has all', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const { stream, ping } = createStream({ heartbeatMs: 1_000, replay: 2 });
    const seen = read(
      stream.respond(request(), () => false),
      ({ text }) => text.split('\n\n').length === 3,
    );
    for (const value of [1, 2, 3, 4, 5]) await ping(value);

    vi.advanceTimersByTime(1_000);
    const { lastEventId } = await seen;
    const again = read(stream.respond(request(lastEventId), everyone), ({ text }) => text !== '');
    vi.useRealTimers();

    expect((await again).gaps).toBe(0);
  });

  it('fails visibly for a payload that JSON cannot carry, and goes on', async () => {
    const { stream, bus, ping, logged } = createStream();
    const seen = read(stream.respond(request(), everyone), ({ payloads }) => payloads.length === 1);
    const circular: { value: number; self?: object } = { value: 1 };
    circular.self = circular;

    const { id, failures } = await bus.publish('ping', circular);
    await ping(2);

    expect(failures).toEqual([{ handlerName: 'eventStream', error: expect.any(TypeError) as unknown }]);
    expect(logged('event_handler_failed')[0]?.fields).toMatchObject({ eventName: 'ping', eventId: id });
    expect(values((await seen).payloads)).toEqual([2]);
  });

  it('sends what was published, although the publisher changes it afterwards', async () => {
    const { stream, bus } = createStream();
    const id = await firstId(stream);
    const payload = { value: 1 };
    await bus.publish('ping', payload);
    payload.value = 2;

    const asked: number[] = [];
    const allow = (event: { readonly payload: { readonly value: number } }) => asked.push(event.payload.value) > 0;
    const { payloads } = await read(stream.respond(request(id), allow), (seen) => seen.payloads.length === 1);

    expect([values(payloads), asked]).toEqual([[1], [1]]);
  });

  it('carries an event without a payload, and a text with line ends', async () => {
    const bus = createEventBus<{ cleared: void; said: string }>();
    using stream = eventStream(bus, { events: ['cleared', 'said'] });
    const seen = read(stream.respond(request(), everyone), ({ payloads }) => payloads.length === 2);

    await bus.publish('cleared');
    await bus.publish('said', 'a\n\ndata: {}\r\n\u2028b');

    expect((await seen).payloads).toEqual([undefined, 'a\n\ndata: {}\r\n\u2028b']);
  });
});

describe('allow', () => {
  it('is asked for each event and each browser, with the metadata of the publisher', async () => {
    const { stream, ping } = createStream();
    const connect = (user: string) =>
      read(
        stream.respond(request(), (_, { user_id }) => user_id === user),
        ({ payloads }) => payloads.length === 2,
      );
    const [ada, bob] = [connect('ada'), connect('bob')];

    for (const [value, user_id] of ['ada', 'bob', 'bob', 'ada'].entries()) await ping(value, { user_id });

    expect(values((await ada).payloads)).toEqual([0, 3]);
    expect(values((await bob).payloads)).toEqual([1, 2]);
  });

  it('is asked on replay too: another user gets nothing of it', async () => {
    const { stream, ping } = createStream();
    const id = await firstId(stream);
    for (const [value, user_id] of ['ada', 'bob', 'ada'].entries()) await ping(value, { user_id });

    const response = stream.respond(request(id), (_, { user_id }) => user_id === 'bob');
    const { text, payloads } = await read(response, (seen) => seen.payloads.length === 1);

    expect(values(payloads)).toEqual([1]);
    expect(text).not.toMatch(/"value":[02]/);
  });

  it.each<[string, () => unknown]>([
    ['undefined', () => undefined],
    ['null', () => null],
    ['a number', () => 1],
    ['a text', () => 'true'],
    ['an object', () => ({})],
    ['a promise', () => Promise.resolve(true)],
    ['a promise that rejects', () => Promise.reject(new Error('late'))],
  ])('means no if it returns %s, and the console says so once', async (_, answer) => {
    const shown = vi.spyOn(console, 'error').mockReturnValue();
    const { stream, ping } = createStream();
    const asked = vi.fn(answer as () => boolean);
    const other = read(stream.respond(request(), everyone), ({ payloads }) => payloads.length === 2);
    const seen = read(stream.respond(request(), asked));

    await ping(1);
    await ping(2);
    await other;
    stream.close();

    expect((await seen).payloads).toEqual([]);
    expect(asked).toHaveBeenCalledTimes(2);
    expect(shown).toHaveBeenCalledTimes(1);
    expect(shown.mock.calls[0]?.[0]).toBe('[mapbus] allow failed. Its further failures are not shown.');
  });

  it('means no if it throws, and costs no other browser anything', async () => {
    vi.spyOn(console, 'error').mockReturnValue();
    const { stream, ping } = createStream();
    const seen = read(
      stream.respond(request(), ({ payload }) => {
        if ('value' in Object(payload) && Object(payload).value === 1) throw new Error('broken');
        return true;
      }),
      ({ payloads }) => payloads.length === 1,
    );
    const other = read(stream.respond(request(), everyone), ({ payloads }) => payloads.length === 2);

    const { failures } = await ping(1);
    await ping(2);

    expect(failures).toEqual([]);
    expect(values((await seen).payloads)).toEqual([2]);
    expect(values((await other).payloads)).toEqual([1, 2]);
  });

  it('must be given', () => {
    const { stream } = createStream();

    expect(() => Reflect.apply(stream.respond, undefined, [request()])).toThrow(
      '[mapbus] allow: expected function, got undefined',
    );
    expect(() => Reflect.apply(stream.respondTo, undefined, [{}, {}])).toThrow(
      '[mapbus] allow: expected function, got undefined',
    );
    expect(stream.openCount()).toBe(0);
  });
});

describe('the end of a stream of one browser', () => {
  it('comes when the browser leaves', async () => {
    const { stream } = createStream();
    const { body } = stream.respond(request(), everyone);
    expect(stream.openCount()).toBe(1);

    await body?.cancel();

    expect(stream.openCount()).toBe(0);
  });

  it('comes when the request is aborted, also before it is answered', async () => {
    const { stream } = createStream();
    const controller = new AbortController();
    const seen = read(stream.respond(request(undefined, { signal: controller.signal }), everyone));

    controller.abort();
    const late = read(stream.respond(request(undefined, { signal: AbortSignal.abort() }), everyone));

    expect((await seen).isEnded).toBe(true);
    expect((await late).isEnded).toBe(true);
    expect(stream.openCount()).toBe(0);
  });

  it('comes when it reads too slowly. It gets the rest when it is back, and others notice nothing', async () => {
    const { stream, ping } = createStream({ highWaterMark: 3, replay: 10 });
    const slow = stream.respond(request(), everyone);
    const fast = read(stream.respond(request(), everyone), ({ payloads }) => payloads.length === 6);

    for (const value of [1, 2, 3, 4, 5, 6]) {
      await ping(value);
      // The fast one reads.
      for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    }
    expect(values((await fast).payloads)).toEqual([1, 2, 3, 4, 5, 6]);
    const { payloads, lastEventId, isEnded } = await read(slow);
    const back = stream.respond(request(lastEventId), everyone);
    const rest = await read(back, (seen) => payloads.length + seen.payloads.length === 6);

    expect(isEnded).toBe(true);
    expect(payloads.length).toBeLessThan(6);
    expect(values([...payloads, ...rest.payloads])).toEqual([1, 2, 3, 4, 5, 6]);
    expect(rest.gaps).toBe(0);
  });

  it('does not come from many events that it may not see', async () => {
    const { stream, ping } = createStream({ highWaterMark: 3, replay: 3 });
    const seen = read(
      stream.respond(request(), (event) => event.name === 'ping' && event.payload.value > 98),
      ({ payloads }) => payloads.length === 1,
    );
    await Promise.resolve();
    for (let value = 0; value < 100; value++) await ping(value);

    expect(values((await seen).payloads)).toEqual([99]);
  });

  it('comes with the close of the stream and of the bus', async () => {
    const { stream, closeBus, bus } = createStream();
    const seen = read(stream.respond(request(), everyone));

    await closeBus();

    expect((await seen).isEnded).toBe(true);
    expect(bus.handlerCount()).toBe(0);
    expect(stream.openCount()).toBe(0);
  });

  it('comes at once after that, with an answer on which a browser comes back', async () => {
    const { stream } = createStream();
    stream.close();
    stream.close();

    const response = stream.respond(request(), everyone);
    const { isEnded, text } = await read(response);

    expect(response.status).toBe(200);
    expect(isEnded).toBe(true);
    expect(text).toMatch(/^retry: \d+\nid: /);
    expect(stream.openCount()).toBe(0);
  });

  it('stops its signs of life', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const { stream } = createStream();
    const bodies = [1, 2].map(() => stream.respond(request(), everyone).body);
    expect(vi.getTimerCount()).toBe(2);

    for (const body of bodies) await body?.cancel();

    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });
});

describe('one browser', () => {
  /** A response of which only the first write succeeds. */
  const createBroken = () => {
    let writes = 0;
    return {
      destroyed: false,
      writeHead: () => {},
      write: () => {
        if (++writes > 1) throw new Error('broken pipe');
        return true;
      },
      end: () => {
        throw new Error('broken pipe');
      },
      on: () => {},
    };
  };

  it('keeps nothing from the others when its connection throws, and is gone then', async () => {
    const { stream, ping, logged } = createStream();
    stream.respondTo({ headers: {} }, createBroken(), everyone);
    const seen = read(stream.respond(request(), everyone), ({ payloads }) => payloads.length === 1);

    const { failures } = await ping(1);

    expect(values((await seen).payloads)).toEqual([1]);
    expect(failures).toEqual([]);
    expect(logged('event_handler_failed')).toEqual([]);
    expect(stream.openCount()).toBe(0);
  });

  it('does not end the process when its connection throws for a sign of life', () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const { stream } = createStream({ heartbeatMs: 10 });
    stream.respondTo({ headers: {} }, createBroken(), everyone);
    expect(stream.openCount()).toBe(1);

    vi.advanceTimersByTime(20);

    expect([stream.openCount(), vi.getTimerCount()]).toEqual([0, 0]);
    vi.useRealTimers();
  });

  it.each<[string, (controller: AbortController, stream: ReturnType<typeof createStream>['stream']) => void]>([
    ['aborts its request', (controller) => controller.abort()],
    ['closes the stream', (_, stream) => stream.close()],
  ])('whose allow %s gets nothing more, and the publish does not fail', async (_, act) => {
    const { stream, ping } = createStream();
    const controller = new AbortController();
    const { body } = stream.respond(request(undefined, { signal: controller.signal }), () => {
      act(controller, stream);
      return true;
    });
    const reader = body?.getReader();
    await reader?.read();

    const { failures } = await ping(1);

    expect(failures).toEqual([]);
    expect(await reader?.read()).toEqual({ done: true, value: undefined });
    expect(stream.openCount()).toBe(0);
  });

  it('cannot change with its allow what the others are asked for', async () => {
    const { stream, bus } = createStream();
    const shown = vi.spyOn(console, 'error').mockReturnValue();
    const hostile = stream.respond(request(), ({ payload }) => {
      for (const inner of Object.values<object | number>(payload)) Object.assign(inner, { name: 'bob' });
      return true;
    });
    void read(hostile);
    const asked: unknown[] = [];
    const seen = read(
      stream.respond(request(), ({ payload }) => {
        asked.push(payload);
        return true;
      }),
      ({ payloads }) => payloads.length === 1,
    );

    const payload = { value: 1, owner: { name: 'ada' } };
    await bus.publish('ping', payload);
    await seen;

    expect(asked).toEqual([{ value: 1, owner: { name: 'ada' } }]);
    expect(payload.owner).toEqual({ name: 'ada' });
    expect(Object.isFrozen(payload.owner)).toBe(false);
    expect(shown.mock.calls).toEqual([
      ['[mapbus] allow failed. Its further failures are not shown.', expect.any(TypeError)],
    ]);
  });
});

describe('a bad argument of eventStream', () => {
  const bus = createEventBus();

  it.each<[unknown, unknown, string]>([
    [{}, { events: ['ping'] }, '[mapbus] bus: expected an object with subscribe, got object'],
    [bus, undefined, '[mapbus] eventStream options: expected object, got undefined'],
    [bus, {}, '[mapbus] eventStream options.events: expected array, got undefined'],
    [bus, { events: 'ping' }, '[mapbus] eventStream options.events: expected array, got "ping"'],
    [bus, { events: [7] }, '[mapbus] event name: expected string, got 7'],
    [bus, { events: [], replay: 0 }, '[mapbus] eventStream options.replay: expected positive integer, got 0'],
    [bus, { events: [], heartbeatMs: 0 }, '[mapbus] eventStream options.heartbeatMs: expected positive milliseconds'],
    [bus, { events: [], highWaterMark: 1.5 }, '[mapbus] eventStream options.highWaterMark: expected positive integer'],
    [bus, { events: [], keep: 1 }, '[mapbus] eventStream options: unknown option keep, expected events, replay'],
  ])('throws a TypeError that names it (%#)', (given, options, text) => {
    expect(() => Reflect.apply(eventStream, undefined, [given, options])).toThrow(TypeError);
    expect(() => Reflect.apply(eventStream, undefined, [given, options])).toThrow(text);
  });
});
