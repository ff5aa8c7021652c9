import type { ConsumerSpec } from '../transport/index.ts';
import { arrayOf } from './as-text.ts';
import type { Database, Row, Value } from './database.ts';
import type { Registration } from './receiver.ts';
import type { Tables } from './tables.ts';

/** A former name that no process has used for so long is free. */
const NAME_FREE_AFTER = "interval '60 s'";

export interface Owner {
  readonly namespace: string;
  readonly service: string;
}

type RunStatement = (text: string, values: readonly Value[]) => Promise<readonly Row[]>;

/** The statements of one declaration, in its transaction. */
const createDeclaration = (tables: Tables, { namespace, service }: Owner, run: RunStatement) => {
  const { consumer, delivery, event, formerName, subscription } = tables;
  const owner = [namespace, service];
  const IS_OURS = 'namespace = $1::text AND service = $2::text';
  const first = async (text: string, values: readonly Value[]): Promise<string | undefined> =>
    (await run(text, values))[0]?.id ?? undefined;

  const findByName = (name: string) =>
    first(`SELECT id::text FROM ${consumer} WHERE ${IS_OURS} AND name = $3::text`, [...owner, name]);
  const findByFormerName = (name: string) =>
    first(`SELECT consumer::text AS id FROM ${formerName} WHERE ${IS_OURS} AND name = $3::text`, [...owner, name]);
  const freeName = (name: string) =>
    run(`DELETE FROM ${formerName} WHERE ${IS_OURS} AND name = $3::text`, [...owner, name]);

  /** Moves what waits for one consumer to another one, which may have an event already. */
  const merge = async (from: string, to: string): Promise<void> => {
    await run(
      `UPDATE ${delivery} d SET consumer = $2::text::int WHERE consumer = $1::text::int
        AND NOT EXISTS (SELECT FROM ${delivery} o WHERE o.event = d.event AND o.consumer = $2::text::int)`,
      [from, to],
    );
    await run(`DELETE FROM ${delivery} WHERE consumer = $1::text::int`, [from]);
    await run(`DELETE FROM ${subscription} WHERE consumer = $1::text::int`, [from]);
    await run(`UPDATE ${formerName} SET consumer = $2::text::int WHERE consumer = $1::text::int`, [from, to]);
    await run(`DELETE FROM ${consumer} WHERE id = $1::text::int`, [from]);
  };
  /** The row of the consumer stays, so that processes of both versions share its events. */
  const rename = async (former: string, name: string): Promise<void> => {
    // It is the present name from now on.
    await freeName(name);
    const before = await findByName(former);
    const present = await findByName(name);
    if (before !== undefined && present !== undefined) await merge(before, present);
    else if (before !== undefined)
      await run(`UPDATE ${consumer} SET name = $2::text WHERE id = $1::text::int`, [before, name]);
    const id = present ?? before;
    if (id === undefined) return;
    await run(
      `INSERT INTO ${formerName} (namespace, service, name, consumer) VALUES ($1::text, $2::text, $3::text, $4::text::int)
        ON CONFLICT (namespace, service, name) DO UPDATE SET consumer = excluded.consumer, seen_at = now()`,
      [...owner, former, id],
    );
  };
  /** A name that no process uses for a renamed consumer any more is free for another one. */
  const freeNames = async (specs: readonly ConsumerSpec[]): Promise<void> => {
    const names = arrayOf(specs.map(({ consumer: name }) => name));
    const rows = await run(
      `SELECT f.name, c.name AS present, (f.seen_at < now() - ${NAME_FREE_AFTER})::text AS old FROM ${formerName} f
        LEFT JOIN ${consumer} c ON c.id = f.consumer
        WHERE f.namespace = $1::text AND f.service = $2::text AND f.name = ANY($3::text::text[])`,
      [...owner, names],
    );
    for (const { name, present, old } of rows) {
      const isOther = specs.some((spec) => spec.consumer === present && spec.formerly !== name);
      if (name && (isOther || old === 'true' || present === null)) await freeName(name);
    }
  };
  /** Puts what waits in order, or takes its order away. */
  const reorder = (id: string, isOrdered: boolean) =>
    run(
      `UPDATE ${delivery} d SET key_hash = ${isOrdered ? 'e.key_hash' : 'NULL'},
          taken_until = greatest(d.taken_until, d.parked_until), parked_until = NULL
        FROM ${event} e WHERE e.id = d.event AND d.consumer = $1::text::int`,
      [id],
    );
  const upsert = async ({ consumer: name, order, expiresAfterMs }: ConsumerSpec): Promise<string> => {
    const isOrdered = order === 'key';
    const [row] = await run(
      `WITH before AS (SELECT is_ordered FROM ${consumer} WHERE ${IS_OURS} AND name = $3::text)
      INSERT INTO ${consumer} AS c (namespace, service, name, is_ordered, expires_after)
        VALUES ($1::text, $2::text, $3::text, $4::text::boolean, $5::text::float8 * interval '1 ms')
        ON CONFLICT (namespace, service, name)
          DO UPDATE SET is_ordered = excluded.is_ordered, expires_after = excluded.expires_after, seen_at = now()
        RETURNING id::text, (SELECT is_ordered::text FROM before) AS before`,
      [...owner, name, String(isOrdered), String(expiresAfterMs)],
    );
    if (!row?.id) throw new Error(`[mapbus] postgres: the consumer ${name} is not stored`);
    if (row.before && row.before !== String(isOrdered)) await reorder(row.id, isOrdered);
    return row.id;
  };
  const subscribe = async (id: string, names: readonly string[]): Promise<string[]> => {
    const rows = await run(
      `INSERT INTO ${subscription} (namespace, name, consumer) SELECT $1::text, name, $2::text::int FROM unnest($3::text::text[]) AS n (name)
        ORDER BY name ON CONFLICT (namespace, name, consumer) DO UPDATE SET seen_at = now() RETURNING id::text`,
      [namespace, id, arrayOf(names)],
    );
    return rows.map((row) => String(row.id));
  };
  const declareOne = async (spec: ConsumerSpec): Promise<Registration> => {
    if (spec.formerly !== undefined) await rename(spec.formerly, spec.consumer);
    // A process of the old version shares the events of the new name.
    const id = (await findByFormerName(spec.consumer)) ?? (await upsert(spec));
    return { consumer: id, subscriptions: await subscribe(id, spec.names) };
  };
  return { freeNames, declareOne };
};

/**
 * Puts consumers in force. Declarations wait for each other.
 * @returns what each of them is in the tables, by its name
 */
export const declareConsumers = async <Session>(
  database: Database<Session>,
  tables: Tables,
  owner: Owner,
  specs: readonly ConsumerSpec[],
): Promise<ReadonlyMap<string, Registration>> =>
  database.transaction(async (session) => {
    const run: RunStatement = (text, values) => database.query(text, values, session);
    await run(`SELECT pg_advisory_xact_lock(hashtext('mapbus consumers ' || $1::text))::text AS locked`, [
      tables.consumer,
    ]);
    const { freeNames, declareOne } = createDeclaration(tables, owner, run);
    await freeNames(specs);
    const found = new Map<string, Registration>();
    for (const spec of specs) found.set(spec.consumer, await declareOne(spec));
    return found;
  });

/** Says that this process runs consumers. Gives those that are still there. */
export const touchStatement = ({ consumer, formerName, subscription }: Tables): string => `
WITH seen AS (UPDATE ${consumer} SET seen_at = now() WHERE id = ANY($3::text::int[]) RETURNING id),
  names AS (UPDATE ${subscription} SET seen_at = now() WHERE id = ANY($4::text::int[]) RETURNING id),
  former AS (UPDATE ${formerName} SET seen_at = now()
    WHERE namespace = $1::text AND service = $2::text AND name = ANY($5::text::text[]) RETURNING name)
SELECT id::text FROM seen`;
