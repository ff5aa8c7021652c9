import { type Database, sqlStateOf } from './database.ts';

/** A schema as it stands in statements. */
const quoted = (schema: string): string => `"${schema}"`;

const TABLES = [
  'consumer',
  'former_name',
  'subscription',
  'next_event_id',
  'event',
  'delivery',
  'dead_letter',
  'inbox',
  'veto',
];

/** The names in statements. */
export const tablesOf = (schema: string) => {
  const inSchema = (table: string) => `${quoted(schema)}.${table}`;
  return {
    consumer: inSchema('consumer'),
    formerName: inSchema('former_name'),
    subscription: inSchema('subscription'),
    event: inSchema('event'),
    eventId: inSchema('next_event_id'),
    delivery: inSchema('delivery'),
    deadLetter: inSchema('dead_letter'),
    inbox: inSchema('inbox'),
    veto: inSchema('veto'),
    refuseCommit: inSchema('refuse_commit'),
  };
};

export type Tables = ReturnType<typeof tablesOf>;

// Many rows come and go: without these, the server would clean up late.
const BUSY = 'WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000)';

/** Statements that create what is not there yet. */
const statementsOf = (schema: string): string[] => {
  const names = tablesOf(schema);
  return [
    `CREATE SCHEMA IF NOT EXISTS ${quoted(schema)}`,
    `CREATE TABLE IF NOT EXISTS ${names.consumer} (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, namespace text NOT NULL, service text NOT NULL, name text NOT NULL,
  is_ordered boolean NOT NULL, expires_after interval NOT NULL, seen_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (namespace, service, name))`,
    `CREATE TABLE IF NOT EXISTS ${names.formerName} (
  namespace text, service text, name text, consumer int NOT NULL, seen_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (namespace, service, name))`,
    `CREATE TABLE IF NOT EXISTS ${names.subscription} (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, namespace text NOT NULL, name text NOT NULL, consumer int NOT NULL,
  seen_at timestamptz NOT NULL DEFAULT now(), UNIQUE (namespace, name, consumer))`,
    `CREATE SEQUENCE IF NOT EXISTS ${names.eventId}`,
    `CREATE TABLE IF NOT EXISTS ${names.event} (
  id bigint PRIMARY KEY DEFAULT nextval('${names.eventId}'), name text NOT NULL, key text, key_hash bigint,
  body text NOT NULL, headers text NOT NULL) ${BUSY}`,
    `CREATE TABLE IF NOT EXISTS ${names.delivery} (
  event bigint, consumer int, subscription int NOT NULL, key_hash bigint,
  taken_until timestamptz NOT NULL DEFAULT '-infinity', parked_until timestamptz,
  attempt int NOT NULL DEFAULT 1, claims int NOT NULL DEFAULT 0, claims_before int NOT NULL DEFAULT 0,
  PRIMARY KEY (event, consumer)) ${BUSY}`,
    `CREATE INDEX IF NOT EXISTS delivery_next ON ${names.delivery} (consumer, event) WHERE parked_until IS NULL`,
    `CREATE INDEX IF NOT EXISTS delivery_parked ON ${names.delivery} (consumer, parked_until) WHERE parked_until IS NOT NULL`,
    `CREATE INDEX IF NOT EXISTS delivery_key ON ${names.delivery} (consumer, key_hash, event) WHERE key_hash IS NOT NULL`,
    `CREATE INDEX IF NOT EXISTS delivery_taken ON ${names.delivery} (consumer, event)
  WHERE key_hash IS NOT NULL AND taken_until > '-infinity'`,
    `CREATE TABLE IF NOT EXISTS ${names.deadLetter} (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, namespace text NOT NULL, service text NOT NULL,
  consumer text NOT NULL, name text NOT NULL, key text, key_hash bigint, body text NOT NULL, headers text NOT NULL,
  reason text NOT NULL, attempt int NOT NULL, error_name text NOT NULL, error_message text NOT NULL,
  died_at timestamptz NOT NULL DEFAULT now())`,
    `CREATE INDEX IF NOT EXISTS dead_letter_service ON ${names.deadLetter} (namespace, service, id)`,
    `CREATE TABLE IF NOT EXISTS ${names.inbox} (
  consumer text, source text, id text, handled_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (consumer, source, id))`,
    `CREATE INDEX IF NOT EXISTS inbox_age ON ${names.inbox} USING brin (handled_at)`,
    `CREATE TABLE IF NOT EXISTS ${names.veto} (reason text NOT NULL)`,
    `CREATE OR REPLACE FUNCTION ${names.refuseCommit}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '[mapbus] %', NEW.reason; END $$`,
    `DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = '${names.veto}'::regclass AND tgname = 'refuse_commit') THEN
    CREATE CONSTRAINT TRIGGER refuse_commit AFTER INSERT ON ${names.veto} DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION ${names.refuseCommit}();
  END IF; END $$`,
  ];
};

/** The option `schema`, checked: it stands in statements. */
export const readSchema = (what: string, schema: unknown = 'mapbus'): string => {
  if (typeof schema === 'string' && /^[a-z_][a-z0-9_]{0,50}$/.test(schema)) return schema;
  throw new TypeError(`[mapbus] ${what}.schema: expected a name of small letters, digits and underscores`);
};

/**
 * The SQL that creates the tables, for migrations. It changes nothing that is there already.
 * @throws TypeError for a bad option
 * @example
 * await migration.sql(tables());
 */
export const tables = ({ schema }: { readonly schema?: string | undefined } = {}): string =>
  `${statementsOf(readSchema('tables options', schema)).join(';\n')};\n`;

const missingTables = async ({ query }: Pick<Database<never>, 'query'>, schema: string): Promise<string[]> => {
  const columns = TABLES.map((table) => `to_regclass('${quoted(schema)}.${table}')::text AS ${table}`);
  const [row] = await query(`SELECT ${columns.join(', ')}`, []);
  return TABLES.filter((table) => row?.[table] === null);
};

const RIGHT_MISSING = '42501';

const create = async <Session>({ query, transaction }: Database<Session>, schema: string): Promise<void> =>
  transaction(async (session) => {
    // Processes that start together would meet in the catalog of the server.
    await query(`SELECT pg_advisory_xact_lock(hashtext('mapbus tables ${schema}'))::text AS locked`, [], session);
    for (const statement of statementsOf(schema)) {
      try {
        await query(statement, [], session);
      } catch (cause) {
        if (sqlStateOf(cause) !== RIGHT_MISSING) throw cause;
        const [start = ''] = statement.split(' (');
        const reason = cause instanceof Error ? cause.message : String(cause);
        throw new Error(
          `[mapbus] postgres: the role may not run ${start.split('\n')[0]}: ${reason}. A role that may has to run tables()`,
          { cause },
        );
      }
    }
  });

/**
 * Makes sure that the tables are there.
 * @throws (rejects with) an error that names what is missing
 */
export const ensureTables = async <Session>(database: Database<Session>, schema: string, createTables: boolean) => {
  const missing = await missingTables(database, schema);
  if (missing.length === 0) return;
  if (createTables) return create(database, schema);
  throw new Error(
    `[mapbus] postgres: the schema ${schema} has no ${missing.join(', ')}. Run the SQL of tables(), or set createTables`,
  );
};
