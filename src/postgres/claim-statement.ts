import { arrayOf } from './as-text.ts';
import type { Row, Value } from './database.ts';
import type { Tables } from './tables.ts';

/** A row that a process has taken. Whoever takes it next makes the number of claims larger: so an old claim is told apart. */
export interface Claim {
  readonly event: string;
  readonly consumer: string;
  readonly claims: string;
}

/** What a consumer wants to take. */
export interface Wanted {
  readonly consumer: string;
  readonly room: number;
  /** Rows of events before this one are not looked at. */
  readonly floor: string;
}

/** A row that was taken. */
export interface Claimed extends Claim {
  readonly attempt: number;
  readonly deliveries: number;
  readonly keyHash: string | undefined;
  readonly key: string | null;
  readonly body: string;
  readonly headers: string;
}

const columns = (claims: readonly Claim[]): string[] => [
  arrayOf(claims.map(({ event }) => event)),
  arrayOf(claims.map(({ consumer }) => consumer)),
  arrayOf(claims.map((each) => each.claims)),
];

/** Claims as three columns. */
export const claimValues = columns;

/** The claims of the first three values, for other statements too. */
export const CLAIMS =
  'unnest($1::text::bigint[], $2::text::int[], $3::text::int[]) WITH ORDINALITY AS o (event, consumer, claims, place)';

/** Removes an event with the last of its rows. What two processes leave behind together is removed by the cleaning. */
export const freed = ({ event, delivery }: Tables, gone: string): string =>
  `freed AS (DELETE FROM ${event} e WHERE e.id IN (SELECT event FROM ${gone}) AND NOT EXISTS (
    SELECT FROM ${delivery} d WHERE d.event = e.id AND (d.event, d.consumer) NOT IN (SELECT event, consumer FROM ${gone})))`;

/**
 * One statement for all consumers of a process: removes what is done, and takes what is next.
 *
 * A row with a key is taken only if every earlier row of its key is gone or taken with it, and no row of it is taken
 * already. A lease never changes the order of the rows.
 */
export const claimStatement = (tables: Tables): string => {
  const { delivery, event, subscription } = tables;
  const isMine = `(d.subscription IN (SELECT id FROM mine) OR NOT EXISTS (SELECT FROM ${subscription} s WHERE s.id = d.subscription))`;
  const isNotDone = '(d.event, d.consumer) NOT IN (SELECT event, consumer FROM outcome)';
  return `
WITH outcome AS MATERIALIZED (SELECT * FROM ${CLAIMS}),
  done AS (DELETE FROM ${delivery} d USING outcome o
    WHERE d.event = o.event AND d.consumer = o.consumer AND d.claims = o.claims RETURNING d.event, d.consumer),
  ${freed(tables, 'done')},
  mine AS MATERIALIZED (SELECT unnest($7::text::int[]) AS id),
  want AS MATERIALIZED (SELECT * FROM unnest($4::text::int[], $5::text::int[], $6::text::bigint[]) AS w (consumer, room, floor)),
  busy AS MATERIALIZED (SELECT DISTINCT d.consumer, d.key_hash FROM want w JOIN ${delivery} d ON d.consumer = w.consumer
    WHERE d.event >= w.floor AND d.key_hash IS NOT NULL AND d.taken_until > '-infinity' AND d.taken_until > now() AND ${isNotDone}),
  due AS MATERIALIZED (SELECT x.* FROM want w CROSS JOIN LATERAL (
    SELECT d.event, d.consumer FROM ${delivery} d
    WHERE d.consumer = w.consumer AND d.parked_until <= now() AND ${isMine}
    ORDER BY d.parked_until LIMIT w.room FOR UPDATE SKIP LOCKED) x),
  rest AS MATERIALIZED (SELECT w.consumer, w.floor, w.room - (SELECT count(*) FROM due WHERE due.consumer = w.consumer) AS room FROM want w),
  next AS MATERIALIZED (SELECT x.*, r.floor FROM rest r CROSS JOIN LATERAL (
    SELECT d.event, d.consumer, d.key_hash FROM ${delivery} d
    WHERE d.consumer = r.consumer AND d.event >= r.floor AND d.parked_until IS NULL AND d.taken_until <= now() AND ${isNotDone}
      AND ${isMine} AND (d.key_hash IS NULL OR (d.consumer, d.key_hash) NOT IN (SELECT consumer, key_hash FROM busy))
    ORDER BY d.event LIMIT r.room FOR UPDATE SKIP LOCKED) x),
  earlier AS MATERIALIZED (SELECT k.consumer, k.key_hash, (SELECT min(d.event) FROM ${delivery} d
      WHERE d.consumer = k.consumer AND d.key_hash = k.key_hash AND d.event >= k.floor AND ${isNotDone}
        AND (d.event, d.consumer) NOT IN (SELECT event, consumer FROM next)) AS event
    FROM (SELECT DISTINCT consumer, key_hash, floor FROM next WHERE key_hash IS NOT NULL) k),
  chosen AS MATERIALIZED (
    SELECT event, consumer FROM due
    UNION ALL
    SELECT n.event, n.consumer FROM next n LEFT JOIN earlier b ON b.consumer = n.consumer AND b.key_hash = n.key_hash
      WHERE b.event IS NULL OR n.event < b.event),
  taken AS (UPDATE ${delivery} d
    SET taken_until = now() + $8::text::float8 * interval '1 ms', parked_until = NULL, claims = claims + 1
    FROM chosen c JOIN ${event} e ON e.id = c.event WHERE d.event = c.event AND d.consumer = c.consumer
    RETURNING d.*, e.key, e.body, e.headers),
  state AS MATERIALIZED (SELECT w.consumer, CASE WHEN w.floor = 0 THEN (SELECT min(d.event) FROM ${delivery} d
      WHERE d.consumer = w.consumer AND d.parked_until IS NULL) END AS first,
    EXISTS (SELECT FROM next n WHERE n.consumer = w.consumer AND (n.event, n.consumer) NOT IN (SELECT event, consumer FROM chosen)) AS withheld
    FROM want w)
SELECT w.consumer::text, w.first::text AS floor,
  t.event::text, t.claims::text, t.attempt::text, (t.claims - t.claims_before)::text AS deliveries,
  t.key_hash::text AS hash, t.key, t.body, t.headers, w.withheld::text
FROM state w LEFT JOIN taken t ON t.consumer = w.consumer ORDER BY t.event`;
};

/** The values of a claim. */
export const claimStatementValues = (
  done: readonly Claim[],
  wanted: readonly Wanted[],
  subscriptions: readonly string[],
  leaseMs: number,
): Value[] => [
  ...columns(done),
  arrayOf(wanted.map(({ consumer }) => consumer)),
  arrayOf(wanted.map(({ room }) => room)),
  arrayOf(wanted.map(({ floor }) => floor)),
  arrayOf(subscriptions),
  String(leaseMs),
];

/** The rows that were taken, in their order. */
export const claimedOf = (rows: readonly Row[]): Claimed[] =>
  rows.flatMap(({ consumer, event, claims, attempt, deliveries, hash, key, body, headers }) => {
    if (typeof consumer !== 'string' || typeof event !== 'string' || typeof claims !== 'string') return [];
    const counts = { attempt: Number(attempt), deliveries: Number(deliveries) };
    return [
      {
        consumer,
        event,
        claims,
        ...counts,
        keyHash: hash ?? undefined,
        key: key ?? null,
        body: body ?? '',
        headers: headers ?? '{}',
      },
    ];
  });

/** The smallest event of each consumer that has one. */
export const floorsOf = (rows: readonly Row[]): ReadonlyMap<string, string> =>
  new Map(rows.map(({ consumer, floor }) => [String(consumer), floor ?? '0']));
