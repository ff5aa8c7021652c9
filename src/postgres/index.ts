/**
 * Postgres as a transport: `import { postgres } from 'mapbus/postgres'`. Needs no package but the client that you use.
 * @module
 */
export type { Database, Row, Value } from './database.ts';
export { type ExactlyOnceOptions, exactlyOnce } from './exactly-once.ts';
export { fromPglite, type PgliteClient, type PgliteSession } from './from-pglite.ts';
export { type PostgresOptions, postgres } from './postgres.ts';
export { tables } from './tables.ts';
