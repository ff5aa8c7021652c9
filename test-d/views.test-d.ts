import { createEventBus, type EventBus, type Publisher, type Subscriber } from 'mapbus';

interface AppEvents {
  'user.registered': { userId: string };
  'order.placed': { total: number };
  'cache.cleared': void;
}

interface Transaction {
  query: (sql: string) => void;
}

const bus = createEventBus<AppEvents>();
const busIn = createEventBus<AppEvents, Transaction>();

// A module that asks for fewer events gets a bus of more.
const publisher: Publisher<Pick<AppEvents, 'order.placed'>> = bus;
const subscriber: Subscriber<Pick<AppEvents, 'order.placed' | 'cache.cleared'>> = bus;
publisher.publish('order.placed', { total: 1 });
subscriber.subscribe('order.placed', ({ total }) => total);
// @ts-expect-error: not asked for
publisher.publish('cache.cleared');
// @ts-expect-error: not asked for
subscriber.subscribe('user.registered', () => {});
// @ts-expect-error: a payload of another type
publisher.publish('order.placed', { total: '1' });

// So it does from a bus with a session; a publisher that passes sessions says which.
const withoutSession: Publisher<Pick<AppEvents, 'order.placed'>> = busIn;
const withSession: Publisher<Pick<AppEvents, 'order.placed'>, Transaction> = busIn;
withSession.publish('order.placed', { total: 1 }, { session: { query: () => {} } });
// @ts-expect-error: did not ask for a session
withoutSession.publish('order.placed', { total: 1 }, { session: { query: () => {} } });
// @ts-expect-error: a session of another type
const wrongSession: Publisher<AppEvents, { run: () => void }> = busIn;
const subscriberIn: Subscriber<Pick<AppEvents, 'order.placed'>, Transaction> = busIn;
subscriberIn.subscribe('order.placed', (_, { session }) => session?.query('SELECT 1'));
// @ts-expect-error: handlers would get another session
const wrongSessionSubscriber: Subscriber<AppEvents, { run: () => void }> = busIn;

// A bus of fewer events does not fit.
// @ts-expect-error: order.deleted is missing
const tooMuch: Publisher<{ 'order.placed': { total: number }; 'order.deleted': void }> = bus;
// @ts-expect-error: order.deleted is missing
const tooMuchToo: Subscriber<{ 'order.placed': { total: number }; 'order.deleted': void }> = bus;

// Payloads must be the same in both directions (trap 3).
declare const strings: EventBus<{ a: string }>;
declare const wide: EventBus<{ a: string | number }>;
declare const more: EventBus<{ a: string; b: number }>;
// @ts-expect-error: could publish a number to handlers of strings
const widened: EventBus<{ a: string | number }> = strings;
// @ts-expect-error: could hand a number to handlers of strings
const narrowed: EventBus<{ a: string }> = wide;
// @ts-expect-error: subscribeAll would receive b
const fewer: EventBus<{ a: string }> = more;
// @ts-expect-error: b is missing
const bigger: EventBus<{ a: string; b: number }> = strings;
// @ts-expect-error: could publish a number to handlers of strings
const widePublisher: Publisher<{ a: string | number }> = strings;
// @ts-expect-error: payloads differ
const narrowPublisher: Publisher<{ a: string }> = wide;
// @ts-expect-error: could hand a number to handlers of strings
const narrowSubscriber: Subscriber<{ a: string }> = wide;
// @ts-expect-error: payloads differ
const wideSubscriber: Subscriber<{ a: string | number }> = strings;

// The same map under another name is the same bus.
const same: EventBus<{ a: string }> = createEventBus<{ a: string }>();

export {
  bigger,
  fewer,
  narrowed,
  narrowPublisher,
  narrowSubscriber,
  same,
  tooMuch,
  tooMuchToo,
  widened,
  widePublisher,
  wideSubscriber,
  wrongSession,
  wrongSessionSubscriber,
};
