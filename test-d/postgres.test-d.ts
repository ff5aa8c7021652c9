import { type Database, exactlyOnce, postgres, tables } from 'mapbus/postgres';
import { type ConsumerContext, createServiceBus, type ServiceBus } from 'mapbus/service';
import type { Transport } from 'mapbus/transport';
import { expectType } from 'tsd';

interface Session {
  query(text: string): Promise<unknown>;
}
interface Pool {
  connect(): Promise<Session>;
}
interface Events {
  'order.placed': { orderId: string; at: Date };
  'order.paid': { orderId: string };
}

declare const database: Database<Session>;
declare const session: Session;
declare const pool: Pool;

// The transport knows the session of its database.
expectType<Transport<Session>>(postgres({ database }));
expectType<string>(tables({ schema: 'events' }));

const bus = createServiceBus<Events, Session>({ service: 'shop', transport: postgres({ database }), sends: 'all' });
expectType<ServiceBus<Events, Session>>(bus);
void bus.publish('order.paid', { orderId: '1' }, { session });

// @ts-expect-error A pool is no session.
void bus.publish('order.paid', { orderId: '1' }, { session: pool });

// @ts-expect-error A bus with other sessions.
createServiceBus<Events, Pool>({ service: 'shop', transport: postgres({ database }), sends: 'all' });

// A handler knows the payload as it arrives, and the session.
bus.consume(
  'order.placed',
  'charge',
  exactlyOnce(database, async (payload, context) => {
    expectType<{ orderId: string; at: string }>(payload);
    expectType<Session>(context.session);
    expectType<'order.placed'>(context.name);
    expectType<number>(context.attempt);
  }),
);

// It may be declared elsewhere.
const charge = async ({ orderId }: { orderId: string }, { session }: ConsumerContext & { session: Session }) => {
  await session.query(orderId);
};
bus.consume('order.paid', 'charge-paid', exactlyOnce(database, charge));
bus.consume('order.paid', 'charge-later', exactlyOnce(database, charge, { idleMs: 1_000 }));

const wrong = ({ total }: { total: number }, { session }: { session: Session }) => session.query(String(total));
// @ts-expect-error Another payload.
bus.consume('order.paid', 'wrong-payload', exactlyOnce(database, wrong));

// @ts-expect-error Without exactlyOnce there is no session.
bus.consume('order.paid', 'no-session', charge);
