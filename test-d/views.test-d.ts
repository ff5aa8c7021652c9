import {
  createEventBus,
  type EventBus,
  type EventHandler,
  type EventName,
  type PublishArgs,
  type Publisher,
  type PublishResult,
  type Subscriber,
  type Unsubscribe,
} from 'mapbus';

interface AppEvents {
  'user.registered': { userId: string };
  'order.placed': { total: number };
  'cache.cleared': void;
  flag: boolean;
  level: 'low' | 'high';
}

interface Transaction {
  query: (sql: string) => void;
}

interface OtherSession {
  run: () => void;
}

type OrderEvents = Pick<AppEvents, 'order.placed'>;

const bus = createEventBus<AppEvents>();
const busIn = createEventBus<AppEvents, Transaction>();
const { publish, subscribe } = bus;

// A module that asks for fewer events gets a bus of more.
const publisher: Publisher<OrderEvents> = bus;
const subscriber: Subscriber<Pick<AppEvents, 'order.placed' | 'cache.cleared'>> = bus;
publisher.publish('order.placed', { total: 1 });
subscriber.subscribe('order.placed', ({ total }) => total);
// @ts-expect-error: not asked for
publisher.publish('cache.cleared');
// @ts-expect-error: not asked for
subscriber.subscribe('user.registered', () => {});
// @ts-expect-error: a payload of another type
publisher.publish('order.placed', { total: '1' });

// It may be the whole bus, destructured members, a spread, a bus with sessions, or another view.
export const fits: {
  a: Publisher<OrderEvents>;
  b: Subscriber<OrderEvents>;
  c: Publisher<{ 'order.placed': { total: number } }> & Subscriber<{ flag: boolean }>;
}[] = [
  { a: bus, b: bus, c: bus },
  { a: { publish }, b: { subscribe }, c: { publish, subscribe } },
  { a: busIn, b: busIn, c: busIn },
  { a: { publish: busIn.publish }, b: { subscribe: busIn.subscribe }, c: { ...busIn } },
];
declare const wider: Publisher<AppEvents> & Subscriber<AppEvents>;
export const narrower: Publisher<OrderEvents> & Subscriber<OrderEvents> = wider;
export const narrowerToo: Publisher<OrderEvents> = { publish: wider.publish };

// A publisher that passes sessions says which.
const withoutSession: Publisher<OrderEvents> = busIn;
const withSession: Publisher<OrderEvents, Transaction> = { publish: busIn.publish };
withSession.publish('order.placed', { total: 1 }, { session: { query: () => {} } });
// @ts-expect-error: did not ask for a session
withoutSession.publish('order.placed', { total: 1 }, { session: { query: () => {} } });
const subscriberIn: Subscriber<OrderEvents, Transaction> = { subscribe: busIn.subscribe };
subscriberIn.subscribe('order.placed', (_, { session }) => session?.query('SELECT 1'));
// @ts-expect-error: a session of another type
export const session1: Publisher<AppEvents, OtherSession> = busIn;
// @ts-expect-error: a session of another type
export const session2: Publisher<OrderEvents, OtherSession> = { publish: busIn.publish };
// @ts-expect-error: handlers would get another session
export const session3: Subscriber<AppEvents, OtherSession> = busIn;
// @ts-expect-error: handlers would get another session
export const session4: Subscriber<OrderEvents, OtherSession> = { subscribe: busIn.subscribe };

// A bus of fewer events does not fit, whole or destructured.
interface DeletedToo {
  'order.placed': { total: number };
  'order.deleted': void;
}
// @ts-expect-error: order.deleted is missing
export const fewer1: Publisher<DeletedToo> = bus;
// @ts-expect-error: order.deleted is missing
export const fewer2: Publisher<DeletedToo> = { publish };
// @ts-expect-error: order.deleted is missing
export const fewer3: Subscriber<DeletedToo> = bus;
// @ts-expect-error: order.deleted is missing
export const fewer4: Subscriber<DeletedToo> = { subscribe };
// @ts-expect-error: the optional event is missing
export const fewer5: Publisher<{ flag: boolean; 'order.deleted'?: number }> = { publish };
// @ts-expect-error: the optional event is missing
export const fewer6: Subscriber<{ 'order.deleted'?: string }> = bus;

// Nor does one without the names of a pattern.
// @ts-expect-error: no such names
export const pattern1: Publisher<{ [name: `order.${string}`]: number }> = { publish };
// @ts-expect-error: no such names
export const pattern2: Subscriber<{ [name: `order.${string}`]: string }> = bus;
// @ts-expect-error: not every name
export const pattern3: Publisher<Record<string, number>> = createEventBus<{ a: number }>();
// @ts-expect-error: no name at all
export const pattern4: Subscriber<Record<string, string>> = createEventBus<{}>();
const patterns = createEventBus<{ [name: `order.${string}`]: number; flag: boolean }>();
export const pattern5: Publisher<{ [name: `order.${string}`]: number }> = { publish: patterns.publish };

// Payloads must be the same in both directions (trap 3), whole or destructured.
// @ts-expect-error: another payload
export const payload1: Publisher<{ 'order.placed': { total: string } }> = bus;
// @ts-expect-error: another payload
export const payload2: Publisher<{ 'order.placed': { total: string } }> = { publish };
// @ts-expect-error: another payload
export const payload3: Subscriber<{ 'order.placed': { total: string } }> = bus;
// @ts-expect-error: another payload
export const payload4: Subscriber<{ 'order.placed': { total: string } }> = { subscribe };
// @ts-expect-error: a wider payload
export const payload5: Publisher<{ level: string }> = { publish };
// @ts-expect-error: a narrower payload
export const payload6: Publisher<{ level: 'low' }> = { publish };
// @ts-expect-error: a wider payload
export const payload7: Subscriber<{ level: string }> = { subscribe };
// @ts-expect-error: a narrower payload
export const payload8: Subscriber<{ level: 'low' }> = { subscribe };
// @ts-expect-error: only one half fits
export const payload9: Publisher<Pick<AppEvents, 'flag'>> & Subscriber<{ flag: string }> = { publish, subscribe };
const optional = createEventBus<{ flag?: boolean }>();
export const payload10: Publisher<{ flag?: boolean }> = optional;
// @ts-expect-error: may be undefined
export const payload11: Publisher<{ flag: boolean }> = optional;

// A bus is only a bus of exactly the same events.
declare const strings: EventBus<{ a: string }>;
declare const wide: EventBus<{ a: string | number }>;
declare const more: EventBus<{ a: string; b: number }>;
export const same: EventBus<{ a: string }> = createEventBus<{ a: string }>();
// @ts-expect-error: could publish a number to handlers of strings
export const bus1: EventBus<{ a: string | number }> = strings;
// @ts-expect-error: could hand a number to handlers of strings
export const bus2: EventBus<{ a: string }> = wide;
// @ts-expect-error: subscribeAll would receive b
export const bus3: EventBus<{ a: string }> = more;
// @ts-expect-error: b is missing
export const bus4: EventBus<{ a: string; b: number }> = strings;
// @ts-expect-error: the publish of another map
export const bus5: EventBus<AppEvents> = { ...bus, publish: createEventBus<{ flag: string }>().publish };
// @ts-expect-error: the subscribe of another map
export const bus6: EventBus<AppEvents> = { ...bus, subscribe: createEventBus<{ flag: string }>().subscribe };

// A fake fits, however it takes its arguments.
const done: PublishResult = { id: '', occurredAt: new Date(0), handlerCount: 0, failures: [] };
export const fakes: Publisher<AppEvents>[] = [
  { publish: async () => done },
  { publish: async (name, ...args) => (args.length > 2 ? done : { ...done, id: name }) },
  { publish: async (name, ...[payload, options]) => ({ ...done, id: `${name} ${payload} ${options?.id}` }) },
  { publish: async (name: string, payload?: unknown, options?: object) => (name && payload && options ? done : done) },
];
const unsubscribe: Unsubscribe = subscribe('flag', () => {});
export const fakeSubscribers: Subscriber<AppEvents>[] = [
  { subscribe: () => unsubscribe },
  { subscribe: (name, handler, options) => (handler.length > 1 || options?.name === name ? unsubscribe : unsubscribe) },
];
// @ts-expect-error: takes only one name
export const fake1: Publisher<AppEvents> = { publish: async (_: 'flag', __?: unknown) => done };
// @ts-expect-error: takes only numbers
export const fake2: Publisher<AppEvents> = { publish: async (_: string, __?: number, ___?: object) => done };
// @ts-expect-error: resolves with something else
export const fake3: Publisher<AppEvents> = { publish: async () => true };
// @ts-expect-error: takes only handlers of numbers
export const fake4: Subscriber<AppEvents> = { subscribe: (_: string, __: (payload: number) => void) => unsubscribe };

// So does a function written for one name of the same map, and not for that of another map.
const ownPublish = <Name extends EventName<AppEvents>>(name: Name, ...args: PublishArgs<AppEvents, Name>) =>
  publish(name, ...args);
const ownSubscribe = <Name extends EventName<AppEvents>>(name: Name, handler: EventHandler<AppEvents, Name>) =>
  subscribe(name, handler);
export const own1: Publisher<OrderEvents> & Subscriber<OrderEvents> = { publish: ownPublish, subscribe: ownSubscribe };
export const own2: EventBus<AppEvents> = { ...bus, publish: ownPublish, subscribe: ownSubscribe };
// @ts-expect-error: another payload
export const own3: Publisher<{ 'order.placed': { total: string } }> = { publish: ownPublish };
// @ts-expect-error: no such event
export const own4: Publisher<{ 'order.deleted': void }> = { publish: ownPublish };
// @ts-expect-error: another payload
export const own5: Subscriber<{ 'order.placed': { total: string } }> = { subscribe: ownSubscribe };
// @ts-expect-error: no such event
export const own6: Subscriber<{ 'order.deleted': void }> = { subscribe: ownSubscribe };
