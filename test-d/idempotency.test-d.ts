import type { ConsumedEvent, ConsumerContext, ConsumerHandler } from 'mapbus/service';
import { type IdempotencyProof, proveIdempotent, type Step } from 'mapbus/testing';
import { expectType } from 'tsd';

interface AppEvents {
  'order.placed': { total: number; at: Date };
  'order.paid': { orderId: string };
}

const handler: ConsumerHandler<AppEvents, 'order.placed'> = () => {};
const setUp = () => {};
const snapshot = () => [];

// The events are typed by the map, as a publisher passes them: a `Date`, or what JSON makes of it.
expectType<Promise<IdempotencyProof>>(
  proveIdempotent(handler, {
    setUp,
    snapshot,
    events: [
      { payload: { total: 3, at: new Date() } },
      { name: 'order.placed', id: 'e-1', metadata: { trace_id: 'a' }, payload: { total: 4, at: '2026-01-01' } },
    ],
  }),
);
// @ts-expect-error: a payload of another event
proveIdempotent(handler, { setUp, snapshot, events: [{ payload: { orderId: 'o-1' } }] });
// @ts-expect-error: another name
proveIdempotent(handler, { setUp, snapshot, events: [{ name: 'order.paid', payload: { total: 3, at: new Date() } }] });
// @ts-expect-error: the attempt is that of the delivery
proveIdempotent(handler, { setUp, snapshot, events: [{ attempt: 2, payload: { total: 3, at: new Date() } }] });
// @ts-expect-error: no snapshot
proveIdempotent(handler, { setUp, events: [{ payload: { total: 3, at: new Date() } }] });
// @ts-expect-error: no such order
proveIdempotent(handler, { setUp, snapshot, order: 'name', events: [{ payload: { total: 3, at: new Date() } }] });

// A handler of several events gets them with their names.
const several = (_: ConsumedEvent<AppEvents, 'order.placed' | 'order.paid'>) => {};
proveIdempotent(several, {
  setUp,
  snapshot,
  events: [{ payload: { name: 'order.paid', payload: { orderId: 'o-1' } } }],
});
proveIdempotent(several, {
  setUp,
  snapshot,
  // @ts-expect-error: the payload of the other event
  events: [{ payload: { name: 'order.placed', payload: { orderId: 'o-1' } } }],
});

// What `setUp` makes is the third argument of the handler, and that of the other functions.
interface World {
  readonly step: Step;
  readonly total: number;
}
proveIdempotent((_: { total: number }, { id }: ConsumerContext, { step }: World) => step(id, 1), {
  setUp: async ({ step }) => {
    expectType<Step>(step);
    expectType<Promise<number>>(step('read', Promise.resolve(1)));
    expectType<Promise<string>>(step('read', 'now'));
    return { step, total: 0 };
  },
  snapshot: ({ total }) => expectType<number>(total),
  tearDown: ({ step }) => expectType<Step>(step),
  events: [{ payload: { total: 3 } }],
});
proveIdempotent((_: { total: number }, __: ConsumerContext, world: World) => world.total, {
  // @ts-expect-error: something else than the handler wants
  setUp: () => ({ total: 0 }),
  snapshot,
  events: [{ payload: { total: 3 } }],
});
