import { createEventBus } from 'mapbus';
import { link } from 'mapbus/link';
import type { PageEvents } from '../events.ts';

/** The bus of this tab. */
export const bus = createEventBus<PageEvents>();

// What happens in one tab, all tabs of this browser hear.
link(bus, new BroadcastChannel('live-shop'), {
  send: ['cart.changed', 'order.changed', 'orders.stale'],
  receive: ['cart.changed', 'order.changed', 'orders.stale'],
});
