// What a link does in a browser engine, with the objects of the platform. Reports to the server that serves this page.
import { createEventBus, type EventBus, eventsOf, waitFor } from 'mapbus';
import { link, offerPort } from 'mapbus/link';
import type { Events } from './events.ts';

const quiet = { debug: () => {}, warn: () => {}, error: () => {} };
const createBus = () => createEventBus<Events>({ logger: quiet });
const both = { send: ['ping', 'cloned'], receive: ['pong', 'cloned'] } as const;
const query = new URLSearchParams(location.search);
const otherOrigin = query.get('other') ?? '';

const equal = (actual: unknown, expected: unknown) => {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) throw new Error(`expected ${b}, got ${a}`);
};

/** Publishes pings, and gives the pongs that come back. */
const exchange = async (bus: EventBus<Events>, count: number, from = 0): Promise<number[]> => {
  const pongs = eventsOf(bus, 'pong', { highWaterMark: 100_000, signal: AbortSignal.timeout(20_000) });
  for (let value = from; value < from + count; value++) void bus.publish('ping', { value });
  const values: number[] = [];
  for await (const { value } of pongs) {
    // Others are late answers to what `untilAnswered` asked.
    if (value >= 0) values.push(value);
    if (values.length === count) break;
  }
  return values;
};
const doubles = (count: number) => Array.from({ length: count }, (_, value) => 2 * value);

/** A document in a frame. */
const openFrame = (address: string) => {
  const frame = document.createElement('iframe');
  frame.src = address;
  document.body.append(frame);
  return frame;
};

/** Another document of this origin, that is linked to these channels. */
const openTab = async (...channels: readonly string[]) => {
  const frame = openFrame(`/peer?role=tab&channels=${channels.join()}`);
  await new Promise<void>((resolve) => {
    const take = (event: MessageEvent) => {
      if (event.source !== frame.contentWindow || event.data !== 'tab is ready') return;
      removeEventListener('message', take);
      resolve();
    };
    addEventListener('message', take);
  });
  return frame;
};

/** Pings until the first answer: the other end may not be there yet. Without one it fails. */
const untilAnswered = async (bus: EventBus<Events>) => {
  const timer = setInterval(() => void bus.publish('ping', { value: -1 }), 20);
  try {
    await waitFor(bus, 'pong', { timeoutMs: 10_000 });
  } finally {
    clearInterval(timer);
  }
  // What was asked meanwhile is answered before this.
  void bus.publish('ping', { value: -2 });
  await waitFor(bus, 'pong', { filter: ({ value }) => value === -4, timeoutMs: 10_000 });
};

const checks: Readonly<Record<string, () => Promise<void>>> = {
  'another tab, over a BroadcastChannel: a thousand in order': async () => {
    const frame = await openTab('one');
    const bus = createBus();
    using _ = link(bus, new BroadcastChannel('one'), both);
    equal(await exchange(bus, 1_000), doubles(1_000));
    frame.remove();
  },
  'two ways to another tab: 20,000 at once are handled once': async () => {
    const frame = await openTab('left', 'right');
    const bus = createBus();
    using _a = link(bus, new BroadcastChannel('left'), both);
    using _b = link(bus, new BroadcastChannel('right'), both);
    equal(await exchange(bus, 20_000), doubles(20_000));
    const late = eventsOf(bus, 'pong');
    void bus.publish('ping', { value: 5 });
    equal((await late.next()).value, { value: 10 });
    frame.remove();
  },
  'what the structured clone carries': async () => {
    const frame = await openTab('clone');
    const bus = createBus();
    using _ = link(bus, new BroadcastChannel('clone'), { send: ['cloned'] });
    const other = createBus();
    using _b = link(other, new BroadcastChannel('clone'), { receive: ['cloned'] });
    const arrived = waitFor(other, 'cloned', { timeoutMs: 5_000 });
    void bus.publish('cloned', { at: new Date(5), counts: new Map([['a', 1]]) });
    const { at, counts } = await arrived;
    equal([at instanceof Date && at.getTime(), counts.get('a')], [5, 1]);
    frame.remove();
  },
  'what cannot be cloned is a failure of the link': async () => {
    const bus = createBus();
    using _ = link(bus, new BroadcastChannel('bad'), { send: ['ping'], name: 'tabs' });
    const { failures } = await bus.publish(
      'ping',
      Object.assign(() => {}, { value: 1 }),
    );
    equal(
      failures.map(({ handlerName, error }) => [handlerName, (error as Error).name]),
      [['tabs', 'DataCloneError']],
    );
  },
  'a closed port costs nothing but silence': async () => {
    const bus = createBus();
    const channel = new BroadcastChannel('closed');
    const { port1 } = new MessageChannel();
    const worker = new Worker('/peer.js?role=worker');
    const source = new EventSource('/events');
    const socket = new WebSocket(`ws://${location.host}/socket`);
    await new Promise((resolve) => socket.addEventListener('open', resolve, { once: true }));
    for (const port of [channel, port1, worker, socket]) link(bus, port, { send: ['ping'], receive: ['pong'] });
    link(bus, source, { receive: ['pong'] });
    channel.close();
    port1.close();
    worker.terminate();
    socket.close();
    source.close();
    const { handlerCount, failures } = await bus.publish('ping', { value: 1 });
    equal([handlerCount, failures.length], [4, 0]);
  },
  'a worker': async () => {
    const bus = createBus();
    const worker = new Worker('/peer.js?role=worker');
    link(bus, worker, both);
    equal(await exchange(bus, 100), doubles(100));
    worker.terminate();
  },
  'a shared worker, which passes on to other pages': async () => {
    const [here, there] = [createBus(), createBus()];
    for (const bus of [here, there]) {
      link(bus, new SharedWorker('/peer.js?role=shared').port, { send: ['ping'], receive: ['ping', 'pong'] });
    }
    await untilAnswered(there);
    const heard = waitFor(there, 'ping', { filter: ({ value }) => value === 7, timeoutMs: 5_000 });
    equal(await exchange(here, 100), doubles(100));
    void here.publish('ping', { value: 7 });
    await heard;
  },
  'a service worker': async () => {
    const registration = await navigator.serviceWorker.register('/peer.js?role=service');
    const bus = createBus();
    const port = {
      postMessage: (message: unknown) => registration.active?.postMessage(message),
      addEventListener: (type: 'message', listener: (event: MessageEvent) => void) => {
        navigator.serviceWorker.addEventListener(type, listener);
        navigator.serviceWorker.startMessages();
      },
      removeEventListener: (type: 'message', listener: (event: MessageEvent) => void) =>
        navigator.serviceWorker.removeEventListener(type, listener),
    };
    link(bus, port, both);
    await untilAnswered(bus);
    equal(await exchange(bus, 100), doubles(100));
    await registration.unregister();
  },
  'a frame of another origin, again after it has loaded again': async () => {
    const bus = createBus();
    const frame = openFrame(`${otherOrigin}/peer?role=frame&origin=${location.origin}`);
    const ports: unknown[] = [];
    const stop = offerPort(frame, otherOrigin, (port) => {
      ports.push(port);
      return link(bus, port, both);
    });
    await untilAnswered(bus);
    equal(await exchange(bus, 100), doubles(100));
    equal(bus.handlerCount('ping'), 1);
    frame.src = `${frame.src}&again`;
    await new Promise((resolve) => frame.addEventListener('load', resolve, { once: true }));
    await untilAnswered(bus);
    equal(await exchange(bus, 100), doubles(100));
    equal([ports.length, bus.handlerCount('ping')], [2, 1]);
    stop();
    equal(bus.handlerCount('ping'), 0);
    frame.remove();
  },
  'no port for a frame of a wrong origin, nor from a page of a wrong origin': async () => {
    const bus = createBus();
    const taken: string[] = [];
    const wrong = openFrame(`${otherOrigin}/peer?role=frame&origin=${location.origin}`);
    const deceived = openFrame(`${otherOrigin}/peer?role=frame&origin=https://shop.example`);
    const right = openFrame(`${otherOrigin}/peer?role=frame&origin=${location.origin}`);
    const stops = [
      offerPort(wrong, 'https://pay.example', () => taken.push('wrong')),
      offerPort(deceived, otherOrigin, () => taken.push('deceived')),
      offerPort(right, otherOrigin, (port) => {
        taken.push('right');
        return link(bus, port, both);
      }),
    ];
    await untilAnswered(bus);
    // They have asked as often as the right one.
    await new Promise((resolve) => setTimeout(resolve, 500));
    equal(taken, ['right']);
    for (const stop of stops) stop();
    for (const frame of [wrong, deceived, right]) frame.remove();
  },
  'junk that other pages post does nothing': async () => {
    const bus = createBus();
    const refused: string[] = [];
    const channel = new BroadcastChannel('junk');
    const stranger = new BroadcastChannel('junk');
    using _ = link(bus, channel, { receive: ['ping'], onRefused: (reason) => refused.push(reason) });
    const junk = [undefined, null, 'hello', '{', {}, [], new Map(), { specversion: '1.0', type: 'ping', id: 'x' }];
    for (const each of junk) stranger.postMessage(each);
    const other = createBus();
    using _b = link(other, stranger, { send: ['ping', 'pong'] });
    void other.publish('pong', { value: 1 });
    const arrived = waitFor(bus, 'ping', { timeoutMs: 5_000 });
    void other.publish('ping', { value: 2 });
    equal(await arrived, { value: 2 });
    equal(refused, [...junk.map(() => 'not_cloudevent'), 'name']);
  },
  'an EventSource, which goes on where it was cut off': async () => {
    const bus = createBus();
    const source = new EventSource('/events');
    link(bus, source, { receive: ['ping'] });
    await new Promise((resolve) => source.addEventListener('open', resolve, { once: true }));
    const pings = eventsOf(bus, 'ping', { signal: AbortSignal.timeout(20_000) });
    const values: number[] = [];
    let gaps = 0;
    source.addEventListener('gap', () => gaps++);
    await fetch('/publish?value=1', { method: 'POST' });
    await fetch('/cut', { method: 'POST' });
    for (const value of [2, 3]) await fetch(`/publish?value=${value}`, { method: 'POST' });
    for await (const { value } of pings) {
      values.push(value);
      if (value === 3) break;
    }
    equal([values, gaps], [[1, 2, 3], 0]);
    source.close();
  },
  'an EventSource that is cut off before its first event misses nothing': async () => {
    const bus = createBus();
    const source = new EventSource('/events');
    link(bus, source, { receive: ['ping'] });
    await new Promise((resolve) => source.addEventListener('open', resolve, { once: true }));
    await fetch('/cut', { method: 'POST' });
    const arrived = waitFor(bus, 'ping', { timeoutMs: 10_000 });
    await fetch('/publish?value=9', { method: 'POST' });
    equal(await arrived, { value: 9 });
    source.close();
  },
  'an EventSource of a server that has restarted hears of a gap': async () => {
    const source = new EventSource('/events');
    await new Promise((resolve) => source.addEventListener('open', resolve, { once: true }));
    const gap = new Promise((resolve) => source.addEventListener('gap', resolve, { once: true }));
    await fetch('/restart', { method: 'POST' });
    await gap;
    source.close();
  },
  'a WebSocket': async () => {
    const bus = createBus();
    const socket = new WebSocket(`ws://${location.host}/socket`);
    link(bus, socket, { send: ['ping'], receive: ['pong'] });
    const { failures } = await bus.publish('ping', { value: 0 });
    equal(
      failures.map(({ error }) => (error as Error).name),
      ['InvalidStateError'],
    );
    await new Promise((resolve) => socket.addEventListener('open', resolve, { once: true }));
    equal(await exchange(bus, 100), doubles(100));
    socket.close();
  },
  'a window is no port': async () => {
    try {
      link(createBus(), window, { receive: ['ping'] });
    } catch (error) {
      equal(error instanceof TypeError, true);
      return;
    }
    throw new Error('it was linked');
  },
};

/** A check that hangs must not keep the others from being reported. */
const late = async () => {
  await new Promise((resolve) => setTimeout(resolve, 15_000));
  throw new Error('not over after 15 seconds');
};

const run = async (check: () => Promise<void>): Promise<string> => {
  try {
    await Promise.race([check(), late()]);
    return 'ok';
  } catch (error) {
    return String((error as Error).stack ?? error);
  }
};

const wanted = query.get('only');
const results: Record<string, string> = {};
for (const [name, check] of Object.entries(checks)) if (!wanted || name === wanted) results[name] = await run(check);
await fetch('/report', { method: 'POST', body: JSON.stringify(results) });
