import type { EventBusOptions } from 'mapbus';
import { onTestFinished, vi } from 'vitest';
import { createLoggedBus } from '../support.ts';

/** The two ends of a channel, which are closed after the test. */
export const createPorts = () => {
  const { port1, port2 } = new MessageChannel();
  onTestFinished(() => {
    port1.close();
    port2.close();
  });
  return [port1, port2] as const;
};

let channels = 0;

/** Channels of one name, as several tabs have them. They are closed after the test. */
export const createChannels = (count: number): readonly BroadcastChannel[] => {
  const name = `test ${++channels} ${Math.random()}`;
  return Array.from({ length: count }, () => {
    const channel = new BroadcastChannel(name);
    onTestFinished(() => channel.close());
    return channel;
  });
};

/** A bus that keeps the values of its pings. */
export const createRecordingBus = (
  options?: EventBusOptions,
): ReturnType<typeof createLoggedBus> & { readonly values: number[] } => {
  const logged = createLoggedBus({ logPublish: () => false, ...options });
  const values: number[] = [];
  logged.bus.subscribe('ping', ({ value }) => void values.push(value));
  return { ...logged, values };
};

/** A port of text, such as an `EventSource`: what `say` is given arrives. */
export const createTextPort = () => {
  const target = new EventTarget();
  const sent: string[] = [];
  const port = {
    send: (text: string) => void sent.push(text),
    addEventListener: target.addEventListener.bind(target),
    removeEventListener: target.removeEventListener.bind(target),
  };
  const say = (data: unknown) => target.dispatchEvent(new MessageEvent('message', { data }));
  return { port, sent, say };
};

/** An event as a link posts it. */
export const message = (more: object = {}) => ({
  specversion: '1.0',
  id: `id ${Math.random()}`,
  source: '/mapbus/link/other',
  type: 'ping',
  time: '2026-01-01T00:00:00.000Z',
  hops: 1,
  data: { value: 1 },
  ...more,
});

/** Sets the clock of the page by hand. */
export const mockClock = () => {
  let now = performance.now();
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  return {
    pass: (ms: number) => {
      now += ms;
    },
  };
};
