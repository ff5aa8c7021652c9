import { createEventBus } from 'mapbus';
import { link } from 'mapbus/link';
import type { PageEvents, SharedEvents } from '../events.ts';

/** The bus of this tab. */
export const bus = createEventBus<PageEvents>();

// What happens in one tab, all tabs of this browser hear.
const shared: readonly (keyof SharedEvents)[] = ['cart.changed', 'order.changed', 'orders.stale'];
link(bus, new BroadcastChannel('live-shop'), { send: shared, receive: shared });
