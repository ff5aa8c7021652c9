import { createEventBus, type ObservedOutcome, type Observer } from 'mapbus';
import {
  type ConsumerCounts,
  type Counts,
  type CountsSnapshot,
  counts,
  createServiceBus,
  type DurationCounts,
  type Metric,
  memory,
  metricsOf,
} from 'mapbus/service';
import { expectType } from 'tsd';

interface AppEvents {
  'order.placed': { total: number };
}

// The observer fits both kinds of a bus.
const numbers = counts();
expectType<Counts>(numbers);
expectType<Observer>(numbers.observer);
const plain = createEventBus<AppEvents>({ observers: [numbers.observer] });
const bus = createServiceBus<AppEvents>({
  service: 'shop',
  transport: memory(),
  sends: 'all',
  observers: [numbers.observer],
});

// A snapshot is typed, with or without a service bus.
expectType<CountsSnapshot>(numbers.snapshot());
const snapshot = numbers.snapshot(bus, { 'charge-card': 5 });
expectType<number | undefined>(snapshot.publishes.published['order.placed']);
expectType<ConsumerCounts | undefined>(snapshot.consumers['charge-card']);
expectType<DurationCounts>(snapshot.publishes.durations);
expectType<number | undefined>(snapshot.connection?.reconnects);
// @ts-expect-error: an event bus has no health
numbers.snapshot(plain);
// @ts-expect-error: a count is a number
numbers.snapshot(bus, { 'charge-card': '5' });
// @ts-expect-error: read-only
snapshot.publishes.inHand = 0;

counts({ bucketsMs: [1, 10] });
// @ts-expect-error: no such option
counts({ buckets: [1] });
// @ts-expect-error: no list
counts({ bucketsMs: 10 });

expectType<readonly Metric[]>(metricsOf(snapshot));
// @ts-expect-error: not the counts
metricsOf(numbers);

// `settle` is told what becomes of a delivery.
createEventBus<AppEvents>({
  observers: [
    {
      settle: (settled) => {
        expectType<ObservedOutcome>(settled);
        expectType<'done' | 'retry' | 'dead' | 'returned' | 'lost'>(settled.outcome);
        expectType<string | undefined>(settled.name);
        expectType<number | undefined>(settled.durationMs);
      },
    },
    { settle: undefined },
  ],
});
// @ts-expect-error: nothing is to be run
createEventBus<AppEvents>({ observers: [{ settle: (_: ObservedOutcome, run: () => void) => run() }] });

// What health tells.
expectType<number | undefined>(bus.health().reconnects);
expectType<Promise<Readonly<Record<string, number>>>>(bus.waiting());
expectType<Date | undefined>(bus.health().lastConfirmAt);
