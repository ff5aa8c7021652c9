import {
  assertHandled,
  createEventBus,
  type EventBus,
  type EventBusErrorCode,
  type EventContext,
  type EventHandlers,
  type EventIterator,
  type EventOf,
  eventsOf,
  isEventBusError,
  type Publisher,
  type PublishResult,
  publishEvent,
  type ReceivedEvent,
  type Subscriber,
  subscribeEach,
  type Unsubscribe,
  waitFor,
} from 'mapbus';
import { expectType } from 'tsd';

interface AppEvents {
  'order.placed': { total: number };
  'cache.cleared': void;
  'job.done': { took: number } | undefined;
  flag: boolean;
}

interface Transaction {
  query: (sql: string) => void;
}

const bus = createEventBus<AppEvents>();
const busIn = createEventBus<AppEvents, Transaction>();
const view: Subscriber<Pick<AppEvents, 'flag'>> = bus;

// waitFor one name resolves with the payload.
expectType<Promise<{ total: number }>>(waitFor(bus, 'order.placed'));
expectType<Promise<void>>(waitFor(bus, 'cache.cleared', { signal: new AbortController().signal }));
expectType<Promise<boolean>>(waitFor(busIn, 'flag', { timeoutMs: 1_000, filter: (on) => on }));
expectType<Promise<boolean>>(waitFor({ subscribe: bus.subscribe }, 'flag'));
expectType<Promise<boolean>>(waitFor(view, 'flag'));
waitFor(bus, 'flag', { filter: undefined, signal: undefined, timeoutMs: undefined });
waitFor(bus, 'order.placed', {
  filter: ({ total }, context) => {
    expectType<EventContext>(context);
    return total > 1;
  },
});
// @ts-expect-error: unknown name
waitFor(bus, 'order.deleted');
// @ts-expect-error: not in the view
waitFor(view, 'order.placed');
// @ts-expect-error: not in the payload
waitFor(bus, 'order.placed', { filter: ({ email }) => email === '' });
// @ts-expect-error: no such option
waitFor(bus, 'order.placed', { timeout: 1_000 });

// A filter returns a boolean: no promise, which would always be true, and nothing else that is truthy.
// @ts-expect-error: asynchronous
waitFor(bus, 'flag', { filter: async (on) => on });
// @ts-expect-error: asynchronous
waitFor(bus, ['flag', 'order.placed'], { filter: async () => true });
// @ts-expect-error: a number
waitFor(bus, 'order.placed', { filter: ({ total }) => total });

// A type predicate narrows the result.
const isDone = (job: { took: number } | undefined): job is { took: number } => job !== undefined;
expectType<Promise<{ took: number }>>(waitFor(bus, 'job.done', { filter: isDone }));
expectType<Promise<{ took: number }>>(
  waitFor(bus, 'job.done', { filter: (job): job is { took: number } => isDone(job), timeoutMs: 1_000 }),
);
expectType<Promise<{ took: number } | undefined>>(waitFor(bus, 'job.done', { filter: (job) => job?.took !== 1 }));

// waitFor several names resolves with the event and its context.
const waitForSeveral = async () => {
  const event = await waitFor(busIn, ['order.placed', 'flag']);
  expectType<ReceivedEvent<AppEvents, 'order.placed' | 'flag'>>(event);
  if (event.name === 'flag') {
    expectType<boolean>(event.payload);
    expectType<EventContext<'flag'>>(event.context);
  } else expectType<number>(event.payload.total);
  // @ts-expect-error: not narrowed
  event.payload.total;
  const large = await waitFor(bus, ['order.placed', 'flag'], {
    filter: (one): one is ReceivedEvent<AppEvents, 'order.placed'> => one.name === 'order.placed',
  });
  expectType<{ total: number }>(large.payload);
  const names = ['order.placed', 'flag'] as const;
  expectType<'order.placed' | 'flag'>((await waitFor(bus, names)).name);
  await waitFor(bus, ['order.placed', 'flag'], { filter: ({ name }) => name === 'flag' });
};
void waitForSeveral;
// @ts-expect-error: one of them is unknown
waitFor(bus, ['flag', 'order.deleted']);

// eventsOf one name iterates over payloads, of several over events with their context.
expectType<EventIterator<{ total: number }>>(eventsOf(bus, 'order.placed', { highWaterMark: 10 }));
expectType<EventIterator<void>>(eventsOf(bus, 'cache.cleared', { signal: new AbortController().signal }));
const iterate = async () => {
  for await (const { total } of eventsOf(busIn, 'order.placed')) expectType<number>(total);
  for await (const on of eventsOf(view, 'flag')) expectType<boolean>(on);
  for await (const event of eventsOf(busIn, ['order.placed', 'flag'])) {
    expectType<'order.placed' | 'flag'>(event.name);
    expectType<string>(event.context.id);
    if (event.name === 'flag') expectType<boolean>(event.payload);
    else expectType<number>(event.payload.total);
    // @ts-expect-error: not narrowed
    event.payload.total;
  }
  await eventsOf(bus, 'flag')[Symbol.asyncDispose]();
  expectType<IteratorResult<boolean>>(await eventsOf(bus, 'flag').next());
};
void iterate;
// @ts-expect-error: unknown name
eventsOf(bus, 'order.deleted');
// @ts-expect-error: one of them is unknown
eventsOf(bus, ['flag', 'order.deleted']);
// @ts-expect-error: not in the view
eventsOf(view, 'order.placed');
// @ts-expect-error: no such option
eventsOf(bus, 'flag', { timeoutMs: 1_000 });

// subscribeEach registers a record of handlers, with their payloads and contexts inferred.
expectType<Unsubscribe>(subscribeEach(bus, { 'order.placed': ({ total }) => total.toFixed(), flag: (on) => !on }));
subscribeEach(
  busIn,
  {
    'order.placed': ({ total }, { name, session }) => {
      expectType<'order.placed'>(name);
      expectType<Transaction | undefined>(session);
      return session?.query(total.toFixed());
    },
    async flag(on) {
      expectType<boolean>(on);
    },
  },
  { once: true },
);
subscribeEach(bus, {});
subscribeEach(view, { flag: (on) => on });
const handlers = {
  'order.placed': ({ total }, { id }) => [total, id],
  'cache.cleared': () => {},
  'job.done': (job) => job?.took,
  flag: (on) => on,
} satisfies EventHandlers<AppEvents>;
subscribeEach(bus, handlers);
subscribeEach(busIn, handlers);
declare const some: Partial<EventHandlers<AppEvents>>;
declare const allIn: EventHandlers<AppEvents, Transaction>;
subscribeEach(bus, some);
subscribeEach(busIn, allIn);
export const registerAll = <Events extends object, Session>(
  to: Subscriber<Events, Session>,
  all: EventHandlers<Events, Session>,
) => subscribeEach(to, all);
// @ts-expect-error: no such event
subscribeEach(bus, { 'order.deleted': () => {} });
// @ts-expect-error: no such event beside one that is
subscribeEach(bus, { ...handlers, 'order.deleted': () => {} });
// @ts-expect-error: not in the view
subscribeEach(view, { 'cache.cleared': () => {} });
// @ts-expect-error: a handler of another payload
subscribeEach(bus, { flag: (on: string) => on });
// @ts-expect-error: not in the payload
subscribeEach(bus, { 'order.placed': ({ email }) => email });
// @ts-expect-error: handlers of another session
subscribeEach(bus, allIn);
// @ts-expect-error: no handler
subscribeEach(bus, { flag: true });
// @ts-expect-error: no such option
subscribeEach(bus, { flag: () => {} }, { timeout: 5 });

// publishEvent publishes what is one value.
declare const event: EventOf<AppEvents>;
expectType<Promise<PublishResult>>(publishEvent(bus, event));
publishEvent(bus, { name: 'order.placed', payload: { total: 1 } });
publishEvent(bus, { name: 'cache.cleared', payload: undefined });
publishEvent(busIn, event, { session: { query: () => {} }, id: '1' });
publishEvent({ publish: bus.publish }, event);
bus.subscribeAll((one, context) => publishEvent(busIn, one, { id: context.id, from: context }));
export const forward = <Events extends object>(from: EventBus<Events>, to: Publisher<Events>) =>
  from.subscribeAll((one, { metadata }) => publishEvent(to, one, { metadata }));
// @ts-expect-error: of a bus of fewer
publishEvent(createEventBus<Pick<AppEvents, 'flag'>>(), event);
// @ts-expect-error: a payload of another name
publishEvent(bus, { name: 'order.placed', payload: true });
// @ts-expect-error: no such event
publishEvent(bus, { name: 'order.deleted', payload: undefined });
// @ts-expect-error: another session
publishEvent(busIn, event, { session: { run: () => {} } });
// @ts-expect-error: a view passes no session
publishEvent(bus as Publisher<AppEvents>, event, { session: { query: () => {} } });

// assertHandled takes a result.
expectType<Promise<void>>(bus.publish('cache.cleared').then(assertHandled));
// @ts-expect-error: a promise
assertHandled(bus.publish('cache.cleared'));

// isEventBusError narrows to an error of the bus, and to a code.
const narrow = (error: unknown, code: EventBusErrorCode) => {
  if (isEventBusError(error)) {
    expectType<EventBusErrorCode>(error.code);
    expectType<string>(error.message);
    expectType<'not-sent' | 'unknown' | undefined>(error.outcome);
  }
  if (isEventBusError(error, 'timeout')) expectType<'timeout'>(error.code);
  if (isEventBusError(error, code)) expectType<EventBusErrorCode>(error.code);
  // @ts-expect-error: no such code
  if (isEventBusError(error, 'lost')) return;
  // @ts-expect-error: not known to be one
  error.code;
};
void narrow;
