/**
 * Postgres as a transport, and transactions with events: `import { postgres, fromPg } from 'mapbus/postgres'`. Needs no
 * package but the client that you use.
 * @module
 */
export type { Database, Row, Value } from './database.ts';
export { type ExactlyOnceOptions, exactlyOnce } from './exactly-once.ts';
export { type DrizzleClient, type DrizzleSession, type DrizzleSql, fromDrizzle } from './from-drizzle.ts';
export { fromKnex, type KnexClient, type KnexSession } from './from-knex.ts';
export { fromKysely, type KyselyClient, type KyselyCompiledQuery, type KyselySession } from './from-kysely.ts';
export { fromPg, type PgPool, type PgSession } from './from-pg.ts';
export { fromPglite, type PgliteClient, type PgliteSession } from './from-pglite.ts';
export { fromPostgresJs, type PostgresJsClient, type PostgresJsSession } from './from-postgres-js.ts';
export { fromPrisma, type PrismaClient, type PrismaOptions, type PrismaSession } from './from-prisma.ts';
export { fromTypeorm, type TypeormClient, type TypeormSession } from './from-typeorm.ts';
export { type OutboxOptions, outbox } from './outbox.ts';
export { type PostgresOptions, postgres, type StoreOptions } from './postgres.ts';
export { tables } from './tables.ts';
