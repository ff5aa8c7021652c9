import { PGlite } from '@electric-sql/pglite';
import { PrismaPg } from '@prisma/adapter-pg';
import { sql } from 'drizzle-orm';
import { drizzle as drizzlePg } from 'drizzle-orm/node-postgres';
import { drizzle as drizzlePglite } from 'drizzle-orm/pglite';
import { drizzle as drizzlePostgresJs } from 'drizzle-orm/postgres-js';
import knex from 'knex';
import { CompiledQuery, Kysely, PostgresDialect } from 'kysely';
import {
  type Database,
  fromDrizzle,
  fromKnex,
  fromKysely,
  fromPg,
  fromPglite,
  fromPostgresJs,
  fromPrisma,
  fromTypeorm,
} from 'mapbus/postgres';
import { Pool } from 'pg';
import postgresJs from 'postgres';
import { DataSource } from 'typeorm';
import { generatePrisma } from './generate-prisma.ts';

/** A client with its database, and what a user has in the place of a session by mistake. */
export interface Layer {
  readonly database: Database<unknown>;
  readonly notASession: unknown;
  readonly close: () => Promise<unknown>;
}

/** The tests give a database only sessions of its own. */
const layer = <Session>(database: Database<Session>, notASession: unknown, close: () => Promise<unknown>): Layer => ({
  database: database as Database<unknown>,
  notASession,
  close,
});

const max = 10;

const poolOf = (connectionString: string) => new Pool({ connectionString, max });

/** All layers, by their names. Those of PGlite need no server. */
export const layers: Readonly<Record<string, (url: string) => Promise<Layer>>> = {
  pg: async (url) => {
    const pool = poolOf(url);
    return layer(fromPg(pool), pool, () => pool.end());
  },
  'postgres.js': async (url) => {
    const client = postgresJs(url, { max, onnotice: () => {} });
    return layer(fromPostgresJs(client), client, () => client.end());
  },
  PGlite: async () => {
    const client = new PGlite();
    return layer(fromPglite(client), client, () => client.close());
  },
  'Drizzle over pg': async (url) => {
    const pool = poolOf(url);
    const client = drizzlePg(pool);
    return layer(fromDrizzle(client, sql), client, () => pool.end());
  },
  'Drizzle over postgres.js': async (url) => {
    const connection = postgresJs(url, { max, onnotice: () => {} });
    const client = drizzlePostgresJs(connection);
    return layer(fromDrizzle(client, sql), client, () => connection.end());
  },
  'Drizzle over PGlite': async () => {
    const connection = new PGlite();
    const client = drizzlePglite(connection);
    return layer(fromDrizzle(client, sql), client, () => connection.close());
  },
  Kysely: async (url) => {
    const client = new Kysely<Record<string, never>>({ dialect: new PostgresDialect({ pool: poolOf(url) }) });
    return layer(fromKysely(client, CompiledQuery), client, () => client.destroy());
  },
  Knex: async (url) => {
    const client = knex({ client: 'pg', connection: url, pool: { min: 0, max } });
    return layer(fromKnex(client), client, () => client.destroy());
  },
  TypeORM: async (url) => {
    const client = new DataSource({ type: 'postgres', url, extra: { max } });
    await client.initialize();
    return layer(fromTypeorm(client), client.manager, () => client.destroy());
  },
  Prisma: async (url) => {
    const { PrismaClient } = await generatePrisma();
    const client = new PrismaClient({ adapter: new PrismaPg({ connectionString: url, max }) });
    return layer(fromPrisma(client), client, () => client.$disconnect());
  },
};
