import { createEventBus, latestOf } from 'mapbus';
import { useLatest, useSubscribe } from 'mapbus/react';
import { flushSync } from 'react-dom';
import { createRoot } from 'react-dom/client';

const bus = createEventBus<{ changed: number }>();
const latest = latestOf(bus, 'changed', 0);

/** The handlers of all components, as far as something still holds them. */
const handlers: WeakRef<() => void>[] = [];

const Show = () => {
  const value = useLatest(latest);
  // It holds what it closes over, as handlers do.
  const handler = () => void value;
  handlers.push(new WeakRef(handler));
  useSubscribe(bus, 'changed', handler);
  return <p>{value}</p>;
};

const root = createRoot(document.body);
let mounts = 0;

/** Mounts a component so many times, each in place of the one before, and an event reaches each. */
const mountTimes = async (times: number) => {
  for (let time = 0; time < times; time++) {
    flushSync(() => root.render(<Show key={++mounts} />));
    flushSync(() => void bus.publish('changed', mounts));
    // Effects and handlers settle.
    await undefined;
  }
  // What React notes for its tracks in a profile stays until it is cleared.
  performance.clearMeasures();
  performance.clearMarks();
  return { rendered: handlers.length, subscribed: bus.handlerCount() };
};

const countHeld = () => handlers.filter((handler) => handler.deref()).length;

Object.assign(globalThis, { mountTimes, countHeld });
