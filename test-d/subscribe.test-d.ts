import { createEventBus, type EventContext, type EventHandler, type Unsubscribe } from 'mapbus';
import { expectType } from 'tsd';

interface AppEvents {
  'user.registered': { userId: string; email: string };
  'order.placed': { total: number };
  'cache.cleared': void;
  flag: boolean;
}

interface Transaction {
  query: (sql: string) => Promise<void>;
}

const bus = createEventBus<AppEvents>();
const busIn = createEventBus<AppEvents, Transaction>();
const { subscribe, subscribeAll } = bus;

// A handler receives the payload of its event.
expectType<Unsubscribe>(
  subscribe('user.registered', (payload) => expectType<{ userId: string; email: string }>(payload)),
);
subscribe('cache.cleared', (payload) => expectType<void>(payload));
subscribe('flag', (payload) => expectType<boolean>(payload));
// @ts-expect-error: unknown name
subscribe('user.registred', () => {});
// @ts-expect-error: no handler
subscribe('user.registered');
// @ts-expect-error: a handler of another payload
subscribe('user.registered', (payload: { total: number }) => payload);
// @ts-expect-error: a handler of a narrower payload
subscribe('user.registered', (payload: { userId: string; email: 'a@b.c' }) => payload);
// @ts-expect-error: a handler that needs more
subscribe('user.registered', (payload: { userId: string; email: string; age: number }) => payload);

// Methods are checked as strictly: no bivariance (trap 4).
const narrow = {
  handle(payload: { userId: string; email: 'a@b.c' }) {
    return payload;
  },
};
// @ts-expect-error: a method of a narrower payload
subscribe('user.registered', narrow.handle);

// Handlers may have fewer parameters, take wider payloads and return anything (trap 5).
subscribe('user.registered', () => {});
subscribe('user.registered', ({ userId }: { userId: string }) => userId.length);
subscribe('user.registered', (payload: unknown) => payload);
subscribe('user.registered', async () => 1);
subscribe('order.placed', console.log);

// Parameter types are inferred from the context: nothing is any.
subscribe('order.placed', (payload, context) => {
  expectType<'order.placed'>(context.name);
  expectType<string>(context.id);
  expectType<Date>(context.occurredAt);
  expectType<string | undefined>(context.metadata.trace_id);
  expectType<AbortSignal>(context.signal);
  // @ts-expect-error: not in the payload
  payload.userId;
});

// The context is read-only.
subscribe('order.placed', (_, context) => {
  // @ts-expect-error: read-only
  context.id = '1';
  // @ts-expect-error: read-only
  context.metadata.trace_id = 'a';
  // @ts-expect-error: read-only
  context.session = 1;
});

// The session must be checked before use.
busIn.subscribe('order.placed', (_, { session }) => {
  expectType<Transaction | undefined>(session);
  session?.query('SELECT 1');
  // @ts-expect-error: possibly undefined
  session.query('SELECT 1');
});
expectType<Transaction | undefined>(busIn.getSession());
// @ts-expect-error: possibly undefined
busIn.getSession().query('SELECT 1');
bus.subscribe('order.placed', (_, { session }) => {
  // @ts-expect-error: unknown
  session.query('SELECT 1');
});
// @ts-expect-error: a handler that wants another session
busIn.subscribe('order.placed', (_: unknown, context: EventContext<'order.placed', { run: () => void }>) => context);

// A name of a union type gives a union of payloads.
declare const either: 'user.registered' | 'order.placed';
subscribe(either, (payload) => {
  if ('total' in payload) expectType<number>(payload.total);
  // @ts-expect-error: only in one of them
  payload.userId;
});
// @ts-expect-error: a handler of only one
subscribe(either, (payload: { total: number }) => payload);

// EventHandler types a handler on its own.
const audit: EventHandler<AppEvents, 'order.placed'> = ({ total }, { id }) => [total, id];
subscribe('order.placed', audit);
busIn.subscribe('order.placed', audit);
// @ts-expect-error: a handler of another event
subscribe('user.registered', audit);

// subscribeAll narrows the payload by the name (trap 12).
subscribeAll((event) => {
  if (event.name === 'order.placed') expectType<number>(event.payload.total);
  // @ts-expect-error: not narrowed
  event.payload.total;
});
subscribeAll(({ name, payload }, context) => {
  switch (name) {
    case 'user.registered':
      return expectType<string>(payload.email);
    case 'order.placed':
      return expectType<number>(payload.total);
    case 'flag':
      return expectType<boolean>(payload);
    case 'cache.cleared':
      return expectType<void>(payload);
    default:
      expectType<never>(name);
      return context;
  }
});
// @ts-expect-error: a handler of other events
subscribeAll((event: { name: 'other'; payload: number }) => event);

// Options.
subscribe('order.placed', () => {}, {
  once: true,
  signal: new AbortController().signal,
  name: 'audit',
  timeoutMs: 1_000,
  onClose: () => 1,
});
subscribe('order.placed', () => {}, {
  once: undefined,
  signal: undefined,
  name: undefined,
  timeoutMs: undefined,
  onClose: undefined,
});
subscribeAll(() => {}, { name: 'audit', onClose: async () => {} });
// @ts-expect-error: no such option
subscribe('order.placed', () => {}, { timeout: 1_000 });
// @ts-expect-error: an option of a wrong type
subscribe('order.placed', () => {}, { once: 'yes' });
// @ts-expect-error: an option of a wrong type
subscribe('order.placed', () => {}, { onClose: true });
// @ts-expect-error: no such option
subscribeAll(() => {}, { timeout: 1_000 });

// What subscribe returns is called or disposed of.
const unsubscribe = subscribe('order.placed', () => {});
expectType<void>(unsubscribe());
expectType<void>(unsubscribe[Symbol.dispose]());
