import {
  createEventBus,
  type EventBus,
  type EventContext,
  type EventHandler,
  type EventName,
  type Metadata,
  type Publish,
  type PublishArgs,
  type Publisher,
  type PublishOptions,
  type Subscriber,
  withMetadata,
} from 'mapbus';
import { expectType } from 'tsd';

interface AppEvents {
  'user.registered': { userId: string; email: string };
  'order.placed': { total: number };
  'cache.cleared': void;
}

interface Transaction {
  query: (sql: string) => void;
}

interface Request {
  trace_id: string;
}

const bus = createEventBus<AppEvents>();
const busIn = createEventBus<AppEvents, Transaction>();
declare const either: 'user.registered' | 'order.placed';
declare const request: Request;

// A wrapper over one name of a map passes the arguments on (trap 9).
const wrap = <Name extends EventName<AppEvents>>(name: Name, ...args: PublishArgs<AppEvents, Name>) =>
  bus.publish(name, ...args);
wrap('user.registered', { userId: '1', email: 'a@b.c' });
wrap('cache.cleared');
wrap('cache.cleared', undefined, { metadata: {} });
wrap(either, { total: 1, userId: '1', email: 'a@b.c' });
// @ts-expect-error: no payload
wrap('user.registered');
// @ts-expect-error: a payload of another event
wrap('user.registered', { total: 1 });
// @ts-expect-error: fits only one
wrap(either, { total: 1 });
// @ts-expect-error: a number
wrap('cache.cleared', undefined, { metadata: { attempt: 1 } });

const wrapIn = <Name extends EventName<AppEvents>>(name: Name, ...args: PublishArgs<AppEvents, Name, Transaction>) =>
  busIn.publish(name, ...args);
wrapIn('cache.cleared', undefined, { session: { query: () => {} } });
// @ts-expect-error: a session of another type
wrapIn('cache.cleared', undefined, { session: 1 });

// PublishArgs is what follows the name.
expectType<[payload: { total: number }, options?: PublishOptions]>({} as PublishArgs<AppEvents, 'order.placed'>);
expectType<[payload?: void, options?: PublishOptions]>({} as PublishArgs<AppEvents, 'cache.cleared'>);
expectType<[payload: { total: number }, options?: PublishOptions<Transaction, Request>]>(
  {} as PublishArgs<AppEvents, 'order.placed', Transaction, Request>,
);

// A payload that is only known to be of the name does not do: the name may be a union.
export const wrapPayload = <Name extends EventName<AppEvents>>(name: Name, payload: AppEvents[Name]) =>
  // @ts-expect-error: the payload may belong to another name
  bus.publish(name, payload);

// Metadata is added without a cast: to a bus, to a view, on its own.
export const traced: EventBus<AppEvents> = {
  ...bus,
  publish: (name, ...args) => bus.publish(name, ...withMetadata(args, { trace_id: '1' })),
};
traced.publish('order.placed', { total: 1 });
// @ts-expect-error: a payload of another event
traced.publish('order.placed', { userId: '1', email: '' });
const publishTraced = <Name extends EventName<AppEvents>>(name: Name, ...args: PublishArgs<AppEvents, Name>) =>
  bus.publish(name, ...withMetadata(args, request));
publishTraced('order.placed', { total: 1 }, { id: '1' });
publishTraced('cache.cleared');
// @ts-expect-error: no payload
publishTraced('order.placed');
export const tracedToo: EventBus<AppEvents> = { ...bus, publish: publishTraced };
export const tracedView: Publisher<Pick<AppEvents, 'order.placed'>> = { publish: publishTraced };
export const tracedPublish: Publish<AppEvents> = (name, ...args) => bus.publish(name, ...withMetadata(args, request));
export const tracedMember: typeof bus.publish = (name, ...args) => bus.publish(name, ...withMetadata(args, request));
export const tracedIn: EventBus<AppEvents, Transaction> = {
  ...busIn,
  publish: (name, ...args) => busIn.publish(name, ...withMetadata(args, request)),
};
tracedIn.publish('cache.cleared', undefined, { session: { query: () => {} } });

// So it is for any map.
export const trace = <Events extends object, Session>(inner: EventBus<Events, Session>): EventBus<Events, Session> => ({
  ...inner,
  publish: (name, ...args) => inner.publish(name, ...withMetadata(args, { trace_id: '1' })),
});
export const traceView = <Events extends object, Session>({
  publish,
}: Publisher<Events, Session>): Publisher<Events, Session> => ({
  publish: <Name extends EventName<Events>>(name: Name, ...args: PublishArgs<Events, Name, Session>) =>
    publish(name, ...withMetadata(args, request)),
});
expectType<EventBus<AppEvents, Transaction>>(trace(busIn));
trace(busIn).publish('order.placed', { total: 1 }, { session: { query: () => {} } });
// @ts-expect-error: a session of another type
trace(busIn).publish('order.placed', { total: 1 }, { session: 1 });
expectType<Publisher<AppEvents>>(traceView({ publish: bus.publish } as Publisher<AppEvents>));

// What is added is an object of strings.
const args: PublishArgs<AppEvents, 'cache.cleared'> = [];
expectType<PublishArgs<AppEvents, 'cache.cleared'>>(withMetadata(args, { trace_id: undefined }));
withMetadata(args, request);
withMetadata(args, {} as Metadata);
// @ts-expect-error: a number
withMetadata(args, { attempt: 1 });
// @ts-expect-error: a list
withMetadata(args, ['a']);
// @ts-expect-error: a string
withMetadata(args, 'a');
// @ts-expect-error: undefined
withMetadata(args, undefined);

// A wrapper reads the payload and the options.
export const logged: EventBus<AppEvents> = {
  ...bus,
  publish: async (name, ...args) => {
    const [payload, options] = args;
    console.log(name, payload, options?.id, options?.occurredAt?.getTime(), options?.metadata);
    // @ts-expect-error: no such option
    console.log(options?.ids);
    return bus.publish(name, ...args);
  },
};

// A wrapped subscribe passes the payload and the context on.
const counted = <Name extends EventName<AppEvents>>(name: Name, handler: EventHandler<AppEvents, Name>) =>
  bus.subscribe(name, (payload, context) => handler(payload, context));
counted('order.placed', ({ total }, { id }) => [total, id]);
// @ts-expect-error: not in the payload
counted('order.placed', ({ email }) => email);
export const countedBus: EventBus<AppEvents> = {
  ...bus,
  subscribe: (name, handler, options) =>
    bus.subscribe(name, (payload, context) => [handler(payload, context)], { name: handler.name, ...options }),
};
export const count = <Events extends object, Session>(inner: EventBus<Events, Session>): EventBus<Events, Session> => ({
  ...inner,
  subscribe: (name, handler, options) =>
    inner.subscribe(name, (payload, context) => handler(payload, context), options),
});
const withPayload = <Name extends EventName<AppEvents>>(name: Name, handler: (payload: AppEvents[Name]) => void) =>
  bus.subscribe(name, handler);
withPayload('order.placed', ({ total }) => total);
const withContext = <Name extends EventName<AppEvents>>(name: Name, handler: (context: EventContext<Name>) => void) =>
  bus.subscribe(name, (_, context) => handler(context));
withContext('order.placed', ({ name }) => expectType<'order.placed'>(name));

// Functions over one name of any map.
const publishOn = <Events extends object, Name extends EventName<Events>>(
  to: Publisher<Events>,
  name: Name,
  ...args: PublishArgs<Events, Name, never>
) => to.publish(name, ...args);
publishOn(bus, 'order.placed', { total: 1 });
publishOn(busIn, 'cache.cleared');
publishOn({ publish: bus.publish }, 'cache.cleared');
// @ts-expect-error: a payload of another event
publishOn(bus, 'order.placed', { userId: '1', email: '' });
// @ts-expect-error: no payload
publishOn(bus, 'order.placed');
const subscribeOn = <Events extends object, Name extends EventName<Events>>(
  to: Subscriber<Events>,
  name: Name,
  handler: EventHandler<Events, Name>,
) => to.subscribe(name, handler);
subscribeOn(bus, 'order.placed', ({ total }) => total);
subscribeOn({ subscribe: busIn.subscribe }, 'order.placed', ({ total }) => total);
// @ts-expect-error: not in the payload
subscribeOn(bus, 'order.placed', ({ userId }) => userId);

// A map of which only a bound is known can be subscribed to. Its payloads may be narrower than the bound, so it cannot be
// published to: ask for a Publisher of the events instead.
export const boundSubscribe = <Events extends AppEvents>(from: Subscriber<Events>) =>
  from.subscribe('order.placed', ({ total }) => expectType<number>(total));
export const boundPublish = <Events extends AppEvents>(to: Publisher<Events>) =>
  // @ts-expect-error: the payload may have to be narrower
  to.publish('order.placed', { total: 1 });
export const askedFor = (to: Publisher<Pick<AppEvents, 'order.placed'>>) => to.publish('order.placed', { total: 1 });
askedFor(createEventBus<AppEvents & { more: number }, Transaction>());
