import { createEventBus, type EventContext, latestOf, type Subscriber } from 'mapbus';
import { useLatest, useSubscribe } from 'mapbus/react';
import { expectType } from 'tsd';

interface AppEvents {
  'item.added': { name: string; price: number };
  'cart.cleared': undefined;
  'count.changed': number;
}

interface Transaction {
  query: (sql: string) => void;
}

const bus = createEventBus<AppEvents>();
const busIn = createEventBus<AppEvents, Transaction>();
const view: Subscriber<Pick<AppEvents, 'count.changed'>> = bus;

// The handler gets the payload and the context of its event.
expectType<void>(
  useSubscribe(bus, 'item.added', (item, context) => {
    expectType<{ name: string; price: number }>(item);
    expectType<EventContext<'item.added', unknown>>(context);
  }),
);
useSubscribe(bus, 'cart.cleared', () => {});
useSubscribe(bus, 'count.changed', async (count) => expectType<number>(count), { name: 'count', timeoutMs: 1_000 });
useSubscribe(bus, 'count.changed', () => {}, { name: undefined, timeoutMs: undefined });
useSubscribe(busIn, 'cart.cleared', (_, { session }) => expectType<Transaction | undefined>(session));

// A view of the bus, or its function alone, is enough.
useSubscribe(view, 'count.changed', (count) => expectType<number>(count));
useSubscribe({ subscribe: bus.subscribe }, 'count.changed', (count) => expectType<number>(count));

// @ts-expect-error: unknown name
useSubscribe(bus, 'item.deleted', () => {});
// @ts-expect-error: not in the view
useSubscribe(view, 'item.added', () => {});
// @ts-expect-error: another payload
useSubscribe(bus, 'item.added', (count: number) => count);
// @ts-expect-error: a hook unsubscribes by itself
useSubscribe(bus, 'cart.cleared', () => {}, { signal: new AbortController().signal });
// @ts-expect-error: after the next mount it would be called again
useSubscribe(bus, 'cart.cleared', () => {}, { once: true });

// The value has the type of the store.
expectType<number>(useLatest(latestOf(bus, 'count.changed', 0)));
expectType<number | undefined>(useLatest(latestOf(view, 'count.changed')));
// @ts-expect-error: a bus is no store
useLatest(bus);
