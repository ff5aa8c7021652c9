import { PGlite, type Transaction } from '@electric-sql/pglite';
import { type ExtractTablesWithRelations, sql } from 'drizzle-orm';
import { drizzle, type NodePgTransaction } from 'drizzle-orm/node-postgres';
import knex, { type Knex } from 'knex';
import { CompiledQuery, Kysely, type Transaction as KyselyTransaction } from 'kysely';
import {
  type Database,
  exactlyOnce,
  fromDrizzle,
  fromKnex,
  fromKysely,
  fromPg,
  fromPglite,
  fromPostgresJs,
  fromTypeorm,
  postgres,
  tables,
} from 'mapbus/postgres';
import { type ConsumerContext, createServiceBus, type ServiceBus } from 'mapbus/service';
import type { Transport } from 'mapbus/transport';
import { Pool, type PoolClient } from 'pg';
import postgresJs, { type TransactionSql } from 'postgres';
import { expectType } from 'tsd';
import { DataSource, type EntityManager } from 'typeorm';

interface Session {
  query(text: string): Promise<unknown>;
}
interface Connector {
  connect(): Promise<Session>;
}
interface Events {
  'order.placed': { orderId: string; at: Date };
  'order.paid': { orderId: string };
}

declare const database: Database<Session>;
declare const session: Session;
declare const pool: Connector;

// The transport knows the session of its database.
expectType<Transport<Session>>(postgres({ database }));
expectType<string>(tables({ schema: 'events' }));

const bus = createServiceBus<Events, Session>({ service: 'shop', transport: postgres({ database }), sends: 'all' });
expectType<ServiceBus<Events, Session>>(bus);
void bus.publish('order.paid', { orderId: '1' }, { session });

// @ts-expect-error A pool is no session.
void bus.publish('order.paid', { orderId: '1' }, { session: pool });

// @ts-expect-error A bus with other sessions.
createServiceBus<Events, Connector>({ service: 'shop', transport: postgres({ database }), sends: 'all' });

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

// Each adapter knows the session of its client.
interface Rows {
  orders: { id: string };
}
expectType<Database<PoolClient>>(fromPg(new Pool()));
expectType<Database<TransactionSql>>(fromPostgresJs(postgresJs('')));
expectType<Database<Transaction>>(fromPglite(new PGlite()));
type NoTables = Record<string, never>;
expectType<Database<NodePgTransaction<NoTables, ExtractTablesWithRelations<NoTables>>>>(
  fromDrizzle(drizzle(new Pool()), sql),
);
expectType<Database<KyselyTransaction<Rows>>>(fromKysely(new Kysely<Rows>({ dialect: {} as never }), CompiledQuery));
expectType<Database<Knex.Transaction>>(fromKnex(knex({ client: 'pg' })));
expectType<Database<EntityManager>>(fromTypeorm(new DataSource({ type: 'postgres' })));

const withPg = createServiceBus<Events, PoolClient>({
  service: 'shop',
  transport: postgres({ database: fromPg(new Pool()) }),
  sends: 'all',
});
// @ts-expect-error A pool is no session.
void withPg.publish('order.paid', { orderId: '1' }, { session: new Pool() });
