import { createEventBus, type Latest, latestOf, type Subscriber } from 'mapbus';
import { expectType } from 'tsd';

interface AppEvents {
  'cart.changed': readonly string[];
  'user.changed': { name: string } | undefined;
  'count.changed': number;
  'cache.cleared': void;
}

const bus = createEventBus<AppEvents>();
const view: Subscriber<Pick<AppEvents, 'count.changed'>> = bus;

// Without an initial value there may be none yet.
expectType<Latest<readonly string[] | undefined>>(latestOf(bus, 'cart.changed'));
expectType<Latest<number | undefined>>(latestOf(view, 'count.changed'));
expectType<number | undefined>(latestOf({ subscribe: bus.subscribe }, 'count.changed').get());

// An initial value of the payload's type adds nothing; another one is added.
expectType<number>(latestOf(bus, 'count.changed', 0).get());
expectType<number>(latestOf(bus, 'count.changed', 0).getInitial());
expectType<number | null>(latestOf(bus, 'count.changed', null).get());
const empty: readonly string[] = [];
expectType<Latest<readonly string[]>>(latestOf(bus, 'cart.changed', empty));
const items: readonly string[] = latestOf(bus, 'cart.changed', []).get();

// A listener gets the value.
expectType<() => void>(latestOf(bus, 'count.changed', 0).subscribe((count) => expectType<number>(count)));
latestOf(bus, 'count.changed', 0).subscribe((count: number | undefined) => count);
// @ts-expect-error: the value may be undefined
latestOf(bus, 'count.changed').subscribe((count: number) => count);

// A store of a part of the values is one of all of them, and not the other way.
const wide: Latest<number | string> = latestOf(bus, 'count.changed', 0);
// @ts-expect-error: the value may be undefined
const narrow: Latest<number> = latestOf(bus, 'count.changed');

// @ts-expect-error: unknown name
latestOf(bus, 'cart.deleted');
// @ts-expect-error: not in the view
latestOf(view, 'cart.changed');

// It ends by a call, or with `using`.
expectType<void>(latestOf(bus, 'cache.cleared').dispose());
expectType<void>(latestOf(bus, 'cache.cleared')[Symbol.dispose]());
