// What one tab does in the comparison. The program in main.ts calls it.
import { createEventBus, waitFor } from 'mapbus';
import { link } from 'mapbus/link';

interface Events {
  ping: { value: number; text: string };
  pong: { value: number; text: string };
}

const text = 'x'.repeat(100);
const COUNT = 20_000;
const ROUNDS = 300;

/** Publishes, and gives how many there were in a second. What waits in the channel is not waited for. */
const rate = async (post: (value: number) => unknown): Promise<number> => {
  const begun = performance.now();
  for (let value = 0; value < COUNT; value++) {
    const posted = post(value);
    // As an application does: it lets others run from time to time.
    if (value % 100 === 0) await posted;
  }
  return Math.round(COUNT / ((performance.now() - begun) / 1_000));
};

const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

const tab = {
  /** Answers, by a bus and by a bare channel. */
  listen: () => {
    const bus = createEventBus<Events>();
    bus.subscribe('ping', (payload) => bus.publish('pong', payload));
    link(bus, new BroadcastChannel('bench'), { receive: ['ping'], send: ['pong'] });
    const bare = new BroadcastChannel('bench bare');
    bare.addEventListener('message', ({ data }) => bare.postMessage({ ...data, type: 'pong' }));
  },
  rates: async () => {
    const plain = createEventBus<Events>();
    plain.subscribe('ping', () => {});
    const bus = createEventBus<Events>();
    bus.subscribe('ping', () => {});
    // Not the channel that is answered: here only what is sent counts.
    using _ = link(bus, new BroadcastChannel('bench rates'), { send: ['ping'] });
    const bare = new BroadcastChannel('bench rates');
    return {
      'bus without a link': await rate((value) => plain.publish('ping', { value, text })),
      'bus with a link': await rate((value) => bus.publish('ping', { value, text })),
      'bare BroadcastChannel': await rate((value) => bare.postMessage({ type: 'ping', value, text })),
    };
  },
  /** Receives what `rates` sends. */
  receive: () => {
    const bus = createEventBus<Events>();
    bus.subscribe('ping', () => {});
    link(bus, new BroadcastChannel('bench rates'), { receive: ['ping'] });
  },
  /** Milliseconds to another tab and back. */
  roundTrips: async () => {
    const bus = createEventBus<Events>();
    using _ = link(bus, new BroadcastChannel('bench'), { send: ['ping'], receive: ['pong'] });
    const bare = new BroadcastChannel('bench bare');
    const linked: number[] = [];
    const plain: number[] = [];
    for (let value = 0; value < ROUNDS; value++) {
      const begun = performance.now();
      const answered = waitFor(bus, 'pong');
      void bus.publish('ping', { value, text });
      await answered;
      linked.push(performance.now() - begun);
      const bareBegun = performance.now();
      const bareAnswered = new Promise((resolve) => bare.addEventListener('message', resolve, { once: true }));
      bare.postMessage({ type: 'ping', value, text });
      await bareAnswered;
      plain.push(performance.now() - bareBegun);
    }
    return { 'bus with a link': median(linked), 'bare BroadcastChannel': median(plain) };
  },
};

Object.assign(globalThis, { tab });
