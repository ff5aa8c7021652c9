import { waitFor } from 'mapbus';
import { link } from 'mapbus/link';
import { describe, expect, it } from 'vitest';
import { createLoggedBus } from '../support.ts';
import { createChannels, createPorts, createRecordingBus, createTextPort, message, mockClock } from './support.ts';

const both = { send: ['ping'], receive: ['ping'] } as const;

describe('an event that comes more than once', () => {
  it('is handled once by each of two buses with two ways between them, 20,000 at once', async () => {
    const [here, there] = createPorts();
    const [left, right] = createChannels(2);
    const a = createRecordingBus();
    const b = createRecordingBus();
    link(a.bus, here, both);
    link(b.bus, there, both);
    if (left && right) {
      link(a.bus, left, both);
      link(b.bus, right, both);
    }
    const count = 20_000;
    const last = waitFor(b.bus, 'ping', { filter: ({ value }) => value === count - 1 });

    for (let value = 0; value < count; value++) void a.bus.publish('ping', { value });
    await last;
    // What is behind the last one on either way has come when this has come back on both.
    const answer = [here, left].map((port) => new Promise((resolve) => port?.addEventListener('message', resolve)));
    void b.bus.publish('pong', { value: 0 });
    there.postMessage('end');
    right?.postMessage('end');
    await Promise.all(answer);

    expect(a.values).toEqual(Array.from({ length: count }, (_, value) => value));
    expect(b.values).toEqual(a.values);
  }, 60_000);

  it('is handled once by each of three buses in a circle', async () => {
    const buses = [createRecordingBus(), createRecordingBus(), createRecordingBus()];
    buses.forEach(({ bus }, index) => {
      const [here, there] = createPorts();
      const next = buses[(index + 1) % 3]?.bus;
      link(bus, here, both);
      if (next) link(next, there, both);
    });
    const ends = buses.slice(1).map(({ bus }) => waitFor(bus, 'ping', { filter: ({ value }) => value === 99 }));

    for (let value = 0; value < 100; value++) void buses[0]?.bus.publish('ping', { value });
    await Promise.all(ends);
    // Another way round takes three posts.
    for (let post = 0; post < 4; post++) await new Promise((resolve) => setTimeout(resolve));

    for (const { values } of buses) expect(values).toEqual(Array.from({ length: 100 }, (_, value) => value));
  });

  it('goes on from a hub to the other ports, and not back', async () => {
    const hub = createLoggedBus();
    const [first, second] = [createTextPort(), createTextPort()];
    link(hub.bus, first.port, both);
    link(hub.bus, second.port, both);

    first.say(message({ id: 'one' }));

    expect(first.sent).toEqual([]);
    expect(second.sent.map((text) => JSON.parse(text))).toMatchObject([
      { id: 'one', source: '/mapbus/link/other', hops: 2 },
    ]);
  });

  it('does not go back by another link to the same port', () => {
    const { bus } = createLoggedBus();
    const { port, sent, say } = createTextPort();
    link(bus, port, { receive: ['ping'] });
    link(bus, port, { send: ['ping'] });

    say(message());

    expect(sent).toEqual([]);
  });

  it('is another one under another name', () => {
    const { bus } = createLoggedBus();
    const names: string[] = [];
    bus.subscribeAll(({ name }) => names.push(name));
    const { port, say } = createTextPort();
    link(bus, port, { receive: ['ping', 'pong'] });

    for (const type of ['ping', 'pong', 'ping']) say(message({ type, id: 'webhook' }));

    expect(names).toEqual(['ping', 'pong']);
  });

  it('may be published here again, and is sent again', async () => {
    const { bus, values } = createRecordingBus();
    const { port, sent } = createTextPort();
    link(bus, port, { send: ['ping'] });

    await bus.publish('ping', { value: 1 }, { id: 'one' });
    await bus.publish('ping', { value: 1 }, { id: 'one' });

    expect(values).toEqual([1, 1]);
    expect(sent).toHaveLength(2);
  });

  it('is remembered for 10 seconds, whatever their number', () => {
    const clock = mockClock();
    const { bus, values } = createRecordingBus();
    const { port, say } = createTextPort();
    link(bus, port, { receive: ['ping'] });
    for (let value = 0; value < 2_000; value++) say(message({ id: `${value}`, data: { value } }));

    clock.pass(9_999);
    for (let value = 0; value < 2_000; value++) say(message({ id: `${value}`, data: { value } }));
    clock.pass(2);
    say(message({ id: 'new', data: { value: -1 } }));
    say(message({ id: '0', data: { value: 0 } }));

    expect(values).toHaveLength(2_001);
  });

  it('is forgotten after 20 seconds, so that the memory has a bound', () => {
    const clock = mockClock();
    const { bus, values } = createRecordingBus();
    const { port, say } = createTextPort();
    link(bus, port, { receive: ['ping'] });
    say(message({ id: 'one', data: { value: 1 } }));
    for (const id of ['two', 'three']) {
      clock.pass(10_001);
      say(message({ id, data: { value: 0 } }));
    }

    say(message({ id: 'one', data: { value: 1 } }));

    expect(values).toEqual([1, 0, 0, 1]);
  });

  it('is never taken if it was published here, however late it comes back', async () => {
    const clock = mockClock();
    const { bus, values } = createRecordingBus();
    const [first, second] = [createTextPort(), createTextPort()];
    link(bus, first.port, both);
    link(bus, second.port, both);
    await bus.publish('ping', { value: 1 });
    for (const id of ['two', 'three']) {
      clock.pass(10_001);
      first.say(message({ id, data: { value: 0 } }));
    }

    second.say(first.sent[0]);

    expect(values).toEqual([1, 0, 0]);
  });

  it('passes eight links at most, so that a circle ends that remembers nothing', () => {
    const { bus, values } = createRecordingBus();
    const [first, second] = [createTextPort(), createTextPort()];
    const refused: string[] = [];
    link(bus, first.port, { ...both, onRefused: (reason) => refused.push(reason) });
    link(bus, second.port, both);

    for (const hops of [7, 8, 9, Number.POSITIVE_INFINITY]) first.say(message({ hops, data: { value: hops } }));

    expect(values).toEqual([7, 8]);
    // The ninth link refuses it.
    expect(second.sent.map((text) => JSON.parse(text).hops)).toEqual([8, 9]);
    expect(refused).toEqual(['hops', 'hops']);
  });
});
