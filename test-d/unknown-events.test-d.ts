import { createEventBus, eventsOf, isEventBusError, type Subscriber, subscribeEach, waitFor } from 'mapbus';
import { expectType } from 'tsd';

interface AppEvents {
  a: { x: number };
  b: { y: string };
}

const bus = createEventBus<AppEvents>();
const view: Subscriber<Pick<AppEvents, 'a'>> = bus;

// subscribeEach takes handlers of events of the bus, in a literal or in a variable.
subscribeEach(bus, { a: ({ x }) => x.toFixed(), b: ({ y }, { id }) => y + id });
subscribeEach(bus, { a: ({ x }) => x.toFixed() }, { once: true });
subscribeEach(view, { a: ({ x }) => x.toFixed() });
const handlers = { a() {}, b: ({ other }: { other: string }) => other };
// @ts-expect-error: the view has no event b
subscribeEach(view, handlers);
// @ts-expect-error: a handler of another payload
subscribeEach(bus, handlers);
// @ts-expect-error: no such event
subscribeEach(bus, { a() {}, c() {} });
// @ts-expect-error: not in the payload
subscribeEach(bus, { b: ({ z }) => z });
// @ts-expect-error: no such option
subscribeEach(bus, { a() {} }, { timeout: 5 });

// waitFor narrows by a type predicate and by nothing else.
type One = { x: 1 };
expectType<Promise<{ x: number }>>(waitFor(bus, 'a'));
expectType<Promise<One>>(waitFor(bus, 'a', { filter: (a): a is One => a.x === 1 }));
expectType<Promise<{ x: number }>>(waitFor(bus, 'a', { filter: ({ x }, { id }) => x === 1 && id !== '' }));
// @ts-expect-error: nothing has narrowed it
const narrowed: Promise<One> = waitFor(bus, 'a');
// @ts-expect-error: a filter that is no predicate does not narrow
const filtered: Promise<One> = waitFor(bus, 'a', { filter: () => true });
// @ts-expect-error: an asynchronous filter
waitFor(bus, 'a', { filter: async () => true });
// @ts-expect-error: no boolean
waitFor(bus, 'a', { filter: ({ x }) => x });
void narrowed;
void filtered;

// Lists of names give a union that narrows by name.
const receive = async () => {
  const event = await waitFor(bus, ['a', 'b']);
  if (event.name === 'a') expectType<number>(event.payload.x);
  else expectType<string>(event.payload.y);
  expectType<string>(event.context.id);
  for await (const one of eventsOf(bus, ['a', 'b'])) if (one.name === 'b') expectType<string>(one.payload.y);
};
void receive;
// @ts-expect-error: no such event
waitFor(bus, ['a', 'c']);
// @ts-expect-error: no such event
eventsOf(bus, ['a', 'c']);
// @ts-expect-error: narrower than the list
const wrongList: Promise<{ name: 'a' }> = waitFor(bus, ['a', 'b']);
void wrongList;

// isEventBusError narrows to the code.
const check = (error: unknown) => {
  if (isEventBusError(error, 'timeout')) expectType<'timeout'>(error.code);
  // @ts-expect-error: no such code
  return isEventBusError(error, 'lost');
};
void check;
