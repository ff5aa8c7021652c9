import { createEventBus, waitFor } from 'mapbus';
import { link } from 'mapbus/link';
import { describe, expect, it, vi } from 'vitest';
import { createGate, createLoggedBus } from '../support.ts';
import { createChannels, createPorts, createRecordingBus, createTextPort, message } from './support.ts';

describe('a link', () => {
  it('publishes an event at the other end, with its id and its time', async () => {
    const [here, there] = createPorts();
    const { bus } = createLoggedBus();
    const other = createLoggedBus();
    link(bus, here, { send: ['ping'] });
    link(other.bus, there, { receive: ['ping'] });
    const arrived = waitFor(other.bus, ['ping']);

    const { id, occurredAt } = await bus.publish('ping', { value: 1 }, { occurredAt: new Date(5) });

    expect((await arrived).payload).toEqual({ value: 1 });
    expect((await arrived).context).toMatchObject({ id, occurredAt });
  });

  it('keeps the order of a thousand events', async () => {
    const [here, there] = createPorts();
    const { bus } = createLoggedBus();
    const other = createRecordingBus();
    link(bus, here, { send: ['ping'] });
    link(other.bus, there, { receive: ['ping'] });
    const last = waitFor(other.bus, 'ping', { filter: ({ value }) => value === 999 });

    for (let value = 0; value < 1_000; value++) void bus.publish('ping', { value });
    await last;

    expect(other.values).toEqual(Array.from({ length: 1_000 }, (_, value) => value));
  });

  it('carries what the structured clone carries by a port with postMessage', async () => {
    interface Wide {
      all: { at: Date; big: bigint; map: Map<string, number>; bytes: Uint8Array };
    }
    const [here, there] = createPorts();
    const bus = createEventBus<Wide>();
    const other = createEventBus<Wide>();
    link(bus, here, { send: ['all'] });
    link(other, there, { receive: ['all'] });
    const arrived = waitFor(other, 'all');
    const payload = { at: new Date(1), big: 1n, map: new Map([['a', 1]]), bytes: new Uint8Array([1]) };

    void bus.publish('all', payload);

    expect(await arrived).toEqual(payload);
  });

  it('carries JSON by a port without postMessage', async () => {
    const { port, sent, say } = createTextPort();
    const { bus, values } = createRecordingBus();
    link(bus, port, { send: ['ping'], receive: ['ping'] });

    const { id } = await bus.publish('ping', { value: 1 }, { occurredAt: new Date(0) });
    say(JSON.stringify(message({ data: { value: 2 } })));

    const [text = ''] = sent;
    expect(JSON.parse(text)).toEqual({
      specversion: '1.0',
      id,
      source: expect.stringMatching(/^\/mapbus\/./),
      type: 'ping',
      time: '1970-01-01T00:00:00.000Z',
      hops: 1,
      data: { value: 1 },
    });
    expect(values).toEqual([1, 2]);
  });

  it('carries an event without a payload', async () => {
    const [here, there] = createPorts();
    const { bus } = createLoggedBus();
    const other = createLoggedBus();
    link(bus, here, { send: ['cleared'] });
    link(other.bus, there, { receive: ['cleared'] });
    const arrived = waitFor(other.bus, 'cleared');

    void bus.publish('cleared');

    expect(await arrived).toBe(undefined);
  });

  it('tells every tab but the one that published', async () => {
    const [first, ...rest] = createChannels(3);
    const sender = createRecordingBus();
    const others = rest.map((channel) => {
      const other = createRecordingBus();
      link(other.bus, channel, { send: ['ping'], receive: ['ping'] });
      return other;
    });
    if (first) link(sender.bus, first, { send: ['ping'], receive: ['ping'] });
    const ends = others.map(({ bus }) => waitFor(bus, 'ping', { filter: ({ value }) => value === 2 }));

    void sender.bus.publish('ping', { value: 1 });
    void sender.bus.publish('ping', { value: 2 });
    await Promise.all(ends);

    expect([sender, ...others].map(({ values }) => values)).toEqual([
      [1, 2],
      [1, 2],
      [1, 2],
    ]);
  });

  it('leaves the publish as it is: the handlers here start at once, and nothing waits for the other end', async () => {
    const [here, there] = createPorts();
    const { bus, handlerCount } = createRecordingBus();
    const other = createLoggedBus();
    const gate = createGate();
    other.bus.subscribe('ping', () => gate.promise);
    link(bus, here, { send: ['ping', 'ping', 'pong'] });
    link(other.bus, there, { receive: ['ping'] });

    const result = await bus.publish('ping', { value: 1 });
    gate.open();

    expect(result).toMatchObject({ handlerCount: 2, failures: [] });
    expect(handlerCount('ping')).toBe(2);
    expect(handlerCount('pong')).toBe(1);
  });

  it('sends only what is in send', async () => {
    const { port, sent } = createTextPort();
    const { bus } = createLoggedBus();
    link(bus, port, { send: ['pong'], receive: ['ping'] });

    await bus.publish('ping', { value: 1 });

    expect(sent).toEqual([]);
  });

  it('publishes only what is in receive', () => {
    const { port, say } = createTextPort();
    const { bus, values } = createRecordingBus();
    const refused: unknown[] = [];
    link(bus, port, { receive: ['pong'], onRefused: (reason, given) => refused.push([reason, given]) });

    const given = message();
    say(given);

    expect(values).toEqual([]);
    expect(refused).toEqual([['name', given]]);
  });

  it('never sends a session', async () => {
    const { port, sent } = createTextPort();
    const { bus } = createLoggedBus();
    link(bus, port, { send: ['ping'] });

    await bus.publish('ping', { value: 1 }, { session: { query: () => {} } });

    expect(sent.join()).not.toContain('session');
    expect(sent).toHaveLength(1);
  });

  it('takes a bus in parts as well as a bus', async () => {
    const { port, sent } = createTextPort();
    const { port: second, say } = createTextPort();
    const { bus, values } = createRecordingBus();
    const { publish, subscribe } = bus;
    link({ subscribe }, port, { send: ['ping'] });
    link({ publish }, second, { receive: ['ping'] });

    await publish('ping', { value: 1 });
    say(message({ data: { value: 2 } }));

    expect(sent).toHaveLength(2);
    expect(values).toEqual([1, 2]);
  });
});

describe('the end of a link', () => {
  it('comes by the function that it returns, and leaves the port open', async () => {
    const [here, there] = createPorts();
    const { bus, handlerCount } = createRecordingBus();
    const other = createRecordingBus();
    const unlink = link(bus, here, { send: ['ping'], receive: ['pong'] });
    link(other.bus, there, { receive: ['ping'] });
    unlink();
    unlink();

    await bus.publish('ping', { value: 1 });
    const arrived = waitFor(other.bus, 'ping');
    here.postMessage(message({ data: { value: 2 } }));
    await arrived;

    expect(other.values).toEqual([2]);
    expect(handlerCount('ping')).toBe(1);
  });

  it('stops what arrives', () => {
    const { port, say } = createTextPort();
    const { bus, values } = createRecordingBus();
    {
      using _ = link(bus, port, { receive: ['ping'] });
      say(message({ data: { value: 1 } }));
    }
    say(message({ data: { value: 2 } }));

    expect(values).toEqual([1]);
  });

  it('comes by its signal, also if another listener keeps the event abort to itself', async () => {
    const { port, sent, say } = createTextPort();
    const { bus, values, handlerCount } = createRecordingBus();
    const controller = new AbortController();
    const deaf = new AbortController();
    deaf.signal.addEventListener('abort', (event) => event.stopImmediatePropagation());
    link(bus, port, { send: ['ping'], receive: ['ping'], signal: controller.signal });
    link(bus, port, { send: ['ping'], receive: ['ping'], signal: deaf.signal });
    controller.abort();
    deaf.abort();

    say(message());
    await bus.publish('ping', { value: 2 });

    expect(sent).toEqual([]);
    expect(values).toEqual([2]);
    expect(handlerCount('ping')).toBe(1);
  });

  it('is its beginning if the signal is aborted already', () => {
    const { port, say } = createTextPort();
    const listened = vi.spyOn(port, 'addEventListener');
    const { bus, values, handlerCount } = createRecordingBus();

    link(bus, port, { send: ['ping'], receive: ['ping'], signal: AbortSignal.abort() })();
    say(message());

    expect(listened).not.toHaveBeenCalled();
    expect(values).toEqual([]);
    expect(handlerCount('ping')).toBe(1);
  });

  it('comes with the close of the bus', async () => {
    const { port } = createTextPort();
    const removed = vi.spyOn(port, 'removeEventListener');
    const { bus, close } = createLoggedBus();
    link(bus, port, { send: ['ping'], receive: ['ping'] });

    await close();

    expect(removed).toHaveBeenCalledTimes(1);
  });

  it('comes with the first message after the close of the bus, if it only receives', async () => {
    const { port, say } = createTextPort();
    const { bus, close, logged } = createLoggedBus();
    link(bus, port, { receive: ['ping'] });
    await close();

    say(message());
    await Promise.resolve();
    await Promise.resolve();
    say(message());

    expect(logged('event_publish_failed')).toHaveLength(1);
  });

  it('is no error of a closed bus: to link it is', async () => {
    const { port } = createTextPort();
    const { bus, close } = createLoggedBus();
    await close();

    expect(() => link(bus, port, { send: ['ping'] })).toThrow(expect.objectContaining({ code: 'closed' }));
  });
});

describe('what cannot be sent', () => {
  it('is a failure of the link in the result and in the log, with the name and the id of the event', async () => {
    const [here] = createPorts();
    const { bus, logged } = createLoggedBus();
    const unclonable: { value: number } = Object.assign(() => {}, { value: 1 });
    link(bus, here, { send: ['ping'], name: 'tabs' });

    const { id, failures } = await bus.publish('ping', unclonable);

    expect(failures).toEqual([{ handlerName: 'tabs', error: expect.objectContaining({ name: 'DataCloneError' }) }]);
    expect(logged('event_handler_failed')[0]?.fields).toMatchObject({
      eventName: 'ping',
      eventId: id,
      handlerName: 'tabs',
    });
  });

  it('is a failure too where JSON cannot carry it', async () => {
    const { port } = createTextPort();
    const { bus } = createLoggedBus();
    const circular: { value: number; self?: object } = { value: 1 };
    circular.self = circular;
    link(bus, port, { send: ['ping'] });

    const { failures } = await bus.publish('ping', circular);

    expect(failures).toEqual([{ handlerName: 'link', error: expect.any(TypeError) as unknown }]);
  });

  it('is a failure where the port refuses it', async () => {
    const { port } = createTextPort();
    const refusal = new DOMException('still connecting', 'InvalidStateError');
    vi.spyOn(port, 'send').mockImplementation(() => {
      throw refusal;
    });
    const { bus } = createLoggedBus();
    link(bus, port, { send: ['ping'] });

    expect((await bus.publish('ping', { value: 1 })).failures).toMatchObject([{ error: refusal }]);
  });

  it('costs nothing but silence if the port is closed', async () => {
    const [here] = createPorts();
    const [channel] = createChannels(1);
    const { bus } = createLoggedBus();
    for (const port of [here, channel]) {
      if (port) link(bus, port, { send: ['ping'], receive: ['ping'] });
      port?.close();
    }

    expect(await bus.publish('ping', { value: 1 })).toMatchObject({ handlerCount: 2, failures: [] });
  });
});

describe('metadata', () => {
  const createLinked = (send: boolean, believe: boolean) => {
    const [here, there] = createPorts();
    const { bus } = createLoggedBus();
    const other = createLoggedBus();
    link(bus, here, { send: ['ping'], metadata: send });
    link(other.bus, there, { receive: ['ping'], metadata: believe });
    const arrived = waitFor(other.bus, ['ping']);
    void bus.publish('ping', { value: 1 }, { metadata: { trace_id: 'a' } });
    return arrived.then(({ context }) => context.metadata);
  };

  it('travels if both ends ask for it', async () => {
    expect(await createLinked(true, true)).toEqual({ trace_id: 'a' });
  });

  it.each([
    [true, false],
    [false, true],
    [false, false],
  ])('does not travel otherwise (%s, %s)', async (send, believe) => {
    expect(await createLinked(send, believe)).toEqual({});
  });

  it('that is no JSON refuses the event', () => {
    const { port, say } = createTextPort();
    const { bus, values } = createRecordingBus();
    const reasons: string[] = [];
    link(bus, port, { receive: ['ping'], metadata: true, onRefused: (reason) => reasons.push(reason) });

    for (const metadata of ['no JSON', '', {}]) say(message({ metadata }));

    expect(reasons).toEqual(['not_cloudevent', 'not_cloudevent', 'not_cloudevent']);
    expect(values).toEqual([]);
  });

  it('that has other values than strings is refused by the bus, which logs it', () => {
    const { port, say } = createTextPort();
    const { bus, values, logged } = createRecordingBus();
    link(bus, port, { receive: ['ping'], metadata: true });

    for (const metadata of ['7', '[]', '{"trace_id":1}', '{"__proto__":{"admin":true}}']) say(message({ metadata }));

    expect(logged('event_publish_failed')).toHaveLength(4);
    expect(values).toEqual([]);
  });
});

describe('a bad argument of link', () => {
  const [port] = [createTextPort().port];
  const cases: readonly [unknown, unknown, unknown, string][] = [
    [undefined, port, { send: ['ping'] }, '[mapbus] bus: expected an object with subscribe, got undefined'],
    [{ subscribe: () => {} }, port, { receive: ['ping'] }, '[mapbus] bus: expected an object with publish, got object'],
    [createEventBus(), undefined, { send: ['ping'] }, '[mapbus] port: expected an object with send, got undefined'],
    [
      createEventBus(),
      { addEventListener: () => {}, removeEventListener: () => {} },
      { send: ['ping'] },
      '[mapbus] port: expected an object with send, got object',
    ],
    [
      createEventBus(),
      { postMessage: () => {} },
      { receive: ['ping'] },
      '[mapbus] port: expected an object with on, off, got object',
    ],
    [createEventBus(), port, { send: 'ping' }, '[mapbus] link options.send: expected array, got "ping"'],
    [createEventBus(), port, { send: [7] }, '[mapbus] event name: expected string, got 7'],
    [createEventBus(), port, { receive: [undefined] }, '[mapbus] event name: expected string, got undefined'],
    [createEventBus(), port, { metadata: 'all' }, '[mapbus] link options.metadata: expected boolean, got "all"'],
    [createEventBus(), port, { to: ['ping'] }, '[mapbus] link options: unknown option to, expected send, receive'],
    [createEventBus(), port, undefined, '[mapbus] link options: expected object, got undefined'],
  ];

  it.each(cases)('throws a TypeError that names it (%#)', (bus, given, options, text) => {
    expect(() => Reflect.apply(link, undefined, [bus, given, options])).toThrow(TypeError);
    expect(() => Reflect.apply(link, undefined, [bus, given, options])).toThrow(text);
  });

  it('may be a window, to which every page can post', () => {
    const { port } = createTextPort();
    const page: object = Object.assign(port, { postMessage: () => {} });
    Object.assign(page, { window: page });

    expect(() => link(createLoggedBus().bus, page, { receive: ['ping'] })).toThrow('[mapbus] port: expected');
  });
});
