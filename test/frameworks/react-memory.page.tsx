import { createEventBus, latestOf } from 'mapbus';
import { useLatest, useSubscribe } from 'mapbus/react';
import { flushSync } from 'react-dom';
import { createRoot } from 'react-dom/client';

const bus = createEventBus<{ changed: number }>();
const latest = latestOf(bus, 'changed', 0);

const Show = () => {
  useSubscribe(bus, 'changed', () => {});
  return <p>{useLatest(latest)}</p>;
};

const root = createRoot(document.body);
let mounts = 0;

/** Mounts a component so many times, each in place of the one before, and an event reaches each. Returns how many handlers there are. */
export const run = async (times = 1_000) => {
  for (let time = 0; time < times; time++) {
    flushSync(() => root.render(<Show key={++mounts} />));
    flushSync(() => void bus.publish('changed', mounts));
    // Effects and handlers settle.
    await undefined;
  }
  return bus.handlerCount();
};

Object.assign(globalThis, { mountTimes: run });
