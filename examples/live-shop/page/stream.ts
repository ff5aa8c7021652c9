import { link } from 'mapbus/link';
import { bus } from './bus.ts';

/** Whether this tab has the stream. */
const holding = { is: false, listeners: new Set<() => void>() };

export const subscribeToHolding = (listener: () => void): (() => void) => {
  holding.listeners.add(listener);
  return () => holding.listeners.delete(listener);
};
export const isHolding = (): boolean => holding.is;

const setHolding = (is: boolean): void => {
  holding.is = is;
  for (const listener of holding.listeners) listener();
};

// One stream for all tabs, since a browser has only six connections to a server. The tab with the lock has it, and tells
// the others by their channel. When it is closed, the browser gives the lock to another.
void navigator.locks.request('live-shop', async () => {
  setHolding(true);
  const source = new EventSource('/api/events');
  link(bus, source, { receive: ['order.changed'] });
  // Between two streams, and where the server keeps no more, events are missed.
  const refetch = () => void bus.publish('orders.stale');
  source.addEventListener('open', refetch, { once: true });
  source.addEventListener('gap', refetch);
  await new Promise(() => {});
});

// A page that comes back by the back button has slept.
addEventListener('pageshow', ({ persisted }) => {
  if (persisted) void bus.publish('orders.stale');
});
