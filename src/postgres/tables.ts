import { type Database, sqlStateOf } from './database.ts';

/** A schema as it stands in statements. */
const quoted = (schema: string): string => `"${schema}"`;

const TABLES = [
  'version',
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
    version: inSchema('version'),
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

/** What creates the first version. */
const firstVersion = (names: Tables, schema: string): string[] => [
  `CREATE SCHEMA IF NOT EXISTS ${quoted(schema)}`,
  `CREATE TABLE IF NOT EXISTS ${names.version} (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row), version int NOT NULL)`,
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

/** The statements that lead from each version to the next one. Each of them changes nothing when it runs once more. */
type Steps = (names: Tables, schema: string) => readonly (readonly string[])[];

const stepsOf: Steps = (names, schema) => [firstVersion(names, schema)];

/** Processes of an older version may run while a newer one has changed the tables. */
const storeVersion = ({ version }: Tables, count: number): string =>
  `INSERT INTO ${version} AS v (version) VALUES (${count}) ON CONFLICT (only_row)
  DO UPDATE SET version = greatest(v.version, excluded.version)`;

/** Statements that bring any older version to the present one. */
const statementsOf = (schema: string, steps: Steps = stepsOf): string[] => {
  const names = tablesOf(schema);
  const all = steps(names, schema);
  return [...all.flat(), storeVersion(names, all.length)];
};

/** The option `schema`, checked: it stands in statements. */
export const readSchema = (what: string, schema: unknown = 'mapbus'): string => {
  if (typeof schema === 'string' && /^[a-z_][a-z0-9_]{0,50}$/.test(schema)) return schema;
  throw new TypeError(`[mapbus] ${what}.schema: expected a name of small letters, digits and underscores`);
};

/**
 * The SQL that creates the tables, or brings those of an older version to the present one, for migrations. It changes
 * nothing that is there already. Run it again when a new version of `mapbus` asks for it.
 * @throws TypeError for a bad option
 * @example
 * await migration.sql(tables());
 */
export const tables = ({ schema }: { readonly schema?: string | undefined } = {}): string =>
  `${statementsOf(readSchema('tables options', schema)).join(';\n')};\n`;

type Query = Pick<Database<never>, 'query'>;

const missingTables = async ({ query }: Query, schema: string): Promise<string[]> => {
  const columns = TABLES.map((table) => `to_regclass('${quoted(schema)}.${table}')::text AS ${table}`);
  const [row] = await query(`SELECT ${columns.join(', ')}`, []);
  return TABLES.filter((table) => row?.[table] === null);
};

/** The version of the tables. Those that were created before versions were stored have none. */
const readVersion = async ({ query }: Query, schema: string, missing: readonly string[]): Promise<number> => {
  if (missing.includes('version')) return 0;
  const [row] = await query(`SELECT version::text FROM ${tablesOf(schema).version}`, []);
  return Number(row?.version ?? 0);
};

const RIGHT_MISSING = '42501';

const create = async <Session>(
  { query, transaction }: Database<Session>,
  schema: string,
  statements: readonly string[],
): Promise<void> =>
  transaction(async (session) => {
    // Processes that start together would meet in the catalog of the server.
    await query(`SELECT pg_advisory_xact_lock(hashtext('mapbus tables ${schema}'))::text AS locked`, [], session);
    for (const statement of statements) {
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

/** Nothing was sent without the tables. */
const notReady = (message: string): Error =>
  Object.assign(new Error(`[mapbus] postgres: ${message}`), { outcome: 'not-sent' });

const describeTrouble = (schema: string, missing: readonly string[], version: number, needed: number): string =>
  missing.length > 0
    ? `the schema ${schema} has no ${missing.join(', ')}`
    : `the tables in the schema ${schema} have the version ${version}, and this code needs ${needed}`;

/**
 * Makes sure that the tables are there, in the version of this code.
 * @throws (rejects with) an error that names what is missing, or says that the tables are newer than this code
 */
export const ensureTables = async <Session>(
  database: Database<Session>,
  schema: string,
  createTables: boolean,
  steps: Steps = stepsOf,
): Promise<void> => {
  const missing = await missingTables(database, schema);
  const version = await readVersion(database, schema, missing);
  const needed = steps(tablesOf(schema), schema).length;
  if (version > needed)
    throw notReady(
      `the tables in the schema ${schema} have the version ${version}, and this code knows only ${needed}. Update mapbus here, or use another schema`,
    );
  if (missing.length === 0 && version === needed) return;
  if (createTables) return create(database, schema, statementsOf(schema, steps));
  throw notReady(`${describeTrouble(schema, missing, version, needed)}. Run the SQL of tables(), or set createTables`);
};
