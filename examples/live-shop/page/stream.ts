import { link } from 'mapbus/link';
import { bus } from './bus.ts';

/**
 * One stream for all tabs, since a browser has only six connections to a server. The tab with the lock has it, and tells
 * the others by their channel. When it is closed, the browser gives the lock to another.
 */
export const shareStream = () =>
  navigator.locks.request('live-shop', async () => {
    void bus.publish('stream.held', true);
    const source = new EventSource('/api/events');
    link(bus, source, { receive: ['order.changed'] });
    // Between two streams, and where the server keeps no more, events are missed.
    const refetch = () => void bus.publish('orders.stale');
    source.addEventListener('open', refetch, { once: true });
    source.addEventListener('gap', refetch);
    await new Promise(() => {});
  });
