import {
  createEventBus,
  type EventBus,
  type EventInfo,
  eventsOf,
  type Publisher,
  type Subscriber,
  waitFor,
} from 'mapbus';
import { type Consumer, createServiceBus, memory, nonRetryable, type Received } from 'mapbus/service';
import type { Transport } from 'mapbus/transport';
import { expectType } from 'tsd';

interface AppEvents {
  'order.placed': { orderId: string; at: Date; note: string | undefined };
  'order.paid': { orderId: string };
  ticked: void;
}

const transport = memory();
const bus = createServiceBus<AppEvents>({ service: 'shop', transport, sends: 'all' });
expectType<Transport>(transport);

// A consumer gets what JSON makes of the payload.
bus.consume('order.placed', 'charge', ({ orderId, at, note }, { id, source, attempt, key, signal }) => {
  expectType<string>(orderId);
  expectType<string>(at);
  expectType<string | undefined>(note);
  expectType<string>(id);
  expectType<string>(source);
  expectType<number>(attempt);
  expectType<string | undefined>(key);
  expectType<AbortSignal>(signal);
});
// @ts-expect-error: a Date has become a string
bus.consume('order.placed', 'charge', ({ at }) => at.getTime());
// @ts-expect-error: a consumer gets no session
bus.consume('order.placed', 'charge', (_, { session }) => session);
// @ts-expect-error: no such event
bus.consume('order.lost', 'charge', () => {});
// @ts-expect-error: a consumer has a name
bus.consume('order.placed', () => {});
// @ts-expect-error: no such option
bus.consume('order.placed', 'charge', () => {}, { retries: 3 });
// @ts-expect-error: the only order is by key
bus.consume('order.placed', 'charge', () => {}, { order: 'time' });

// Several names give a union that narrows.
bus.consume(['order.placed', 'order.paid'], 'audit', (event) => {
  if (event.name === 'order.placed') expectType<string>(event.payload.at);
  else expectType<{ orderId: string }>(event.payload);
});

// What JSON keeps serves subscribe and consume.
const log = ({ orderId }: { orderId: string }, { id, name }: EventInfo) => `${name} ${id} ${orderId}`;
bus.subscribe('order.paid', log);
bus.consume('order.paid', 'log', log);

// The views.
const publisher: Publisher<Pick<AppEvents, 'order.paid'>> = bus;
const subscriber: Subscriber<Pick<AppEvents, 'order.paid'>> = bus;
const consumer: Consumer<Pick<AppEvents, 'order.paid'>> = bus;
const alone: Consumer<Pick<AppEvents, 'order.paid'>> = { consume: bus.consume };
const whole: EventBus<AppEvents> = bus;
consumer.consume('order.paid', 'mail', ({ orderId }) => orderId);
// @ts-expect-error: not asked for
consumer.consume('ticked', 'mail', () => {});
// @ts-expect-error: another payload
const wrong: Consumer<{ 'order.paid': { total: number } }> = bus;
// @ts-expect-error: another payload
const wrongAlone: Consumer<{ 'order.paid': { total: number } }> = { consume: bus.consume };
// @ts-expect-error: a bus that consumes nothing
const none: Consumer<AppEvents> = createEventBus<AppEvents>();
void [publisher, subscriber, alone, whole, wrong, wrongAlone, none];

// A tail is a subscriber of what JSON makes.
const tail = bus.tail(['order.placed']);
tail.subscribe('order.placed', ({ at }) => expectType<string>(at));
// @ts-expect-error: not in the list
tail.subscribe('order.paid', () => {});
const hear = async () => {
  const { at } = await waitFor(tail, 'order.placed');
  expectType<string>(at);
  for await (const { orderId } of eventsOf(tail, 'order.placed')) expectType<string>(orderId);
};
void hear;

// sends and keys.
createServiceBus<AppEvents>({ service: 'shop', transport, sends: ['order.placed'] });
createServiceBus<AppEvents>({
  service: 'shop',
  transport,
  sends: [],
  keys: { 'order.paid': ({ orderId }) => orderId },
});
// @ts-expect-error: sends is missing
createServiceBus<AppEvents>({ service: 'shop', transport });
// @ts-expect-error: no such event
createServiceBus<AppEvents>({ service: 'shop', transport, sends: ['order.lost'] });
// @ts-expect-error: a key is a string
createServiceBus<AppEvents>({ service: 'shop', transport, sends: 'all', keys: { 'order.paid': () => 7 } });
// @ts-expect-error: no transport
createServiceBus<AppEvents>({ service: 'shop', transport: 'memory:', sends: 'all' });

// What JSON cannot carry is refused where it would be sent or consumed.
interface WithMap {
  bad: { by: Map<string, number> };
  good: { n: number };
}
const mixed = createServiceBus<WithMap>({ service: 'shop', transport, sends: ['good'] });
mixed.subscribe('bad', ({ by }) => by.size);
// @ts-expect-error: payload.by is a Map
createServiceBus<WithMap>({ service: 'shop', transport, sends: ['bad'] });
// @ts-expect-error: payload.by is a Map
createServiceBus<WithMap>({ service: 'shop', transport, sends: 'all' });
// @ts-expect-error: payload.by is a Map
mixed.consume('bad', 'count', () => {});

// Received, type by type.
interface Tree {
  readonly value: number;
  readonly children: readonly Tree[];
}
type Id = string & { readonly brand: 'id' };
declare const tree: Received<Tree>;
expectType<Tree>(tree);
declare const id: Received<Id>;
expectType<Id>(id);
expectType<string>({} as Received<Date>);
expectType<[string, number]>({} as Received<[Date, number]>);
expectType<string[]>({} as Received<Date[]>);
expectType<{ a?: string }>({} as Received<{ a?: Date }>);
expectType<Record<string, string>>({} as Record<string, Received<Date>>);
expectType<'a' | 'b' | 7 | null>({} as Received<'a' | 'b' | 7 | null>);
expectType<unknown>({} as Received<unknown>);

expectType<Error>(nonRetryable('no', { cause: 1 }));
