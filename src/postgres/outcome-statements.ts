import type { Outcome } from '../transport/index.ts';
import { arrayOf, withoutZero } from './as-text.ts';
import { CLAIMS, type Claim, claimValues, freed } from './claim-statement.ts';
import type { Value } from './database.ts';
import type { Tables } from './tables.ts';

type Retry = Extract<Outcome, { is: 'retry' }>;
type Dead = Extract<Outcome, { is: 'dead' }>;

export interface Retried {
  readonly claim: Claim;
  readonly outcome: Retry;
}

export interface Died {
  readonly claim: Claim;
  readonly outcome: Dead;
}

const IS_CLAIMED = 'd.event = o.event AND d.consumer = o.consumer AND d.claims = o.claims';

/** Parks a row until its time. A row with a key stays in its place, so that it holds its key. */
export const retryStatement = ({ delivery }: Tables): string => `
WITH outcome AS (SELECT o.*, v.attempt, now() + v.after_ms * interval '1 ms' AS due_at FROM ${CLAIMS}
    JOIN unnest($4::text::int[], $5::text::float8[]) WITH ORDINALITY AS v (attempt, after_ms, place) USING (place)),
  retried AS (UPDATE ${delivery} d SET attempt = o.attempt, claims_before = d.claims,
      taken_until = CASE WHEN d.key_hash IS NULL THEN '-infinity' ELSE o.due_at END,
      parked_until = CASE WHEN d.key_hash IS NULL THEN o.due_at END
    FROM outcome o WHERE ${IS_CLAIMED} RETURNING d.event)
SELECT count(*)::text AS count FROM retried`;

export const retryValues = (retried: readonly Retried[]): Value[] => [
  ...claimValues(retried.map(({ claim }) => claim)),
  arrayOf(retried.map(({ outcome }) => outcome.attempt)),
  arrayOf(retried.map(({ outcome }) => Math.ceil(outcome.afterMs))),
];

/** A dead letter has its own copy of the event. */
export const deadStatement = (tables: Tables): string => `
WITH outcome AS (SELECT o.*, v.reason, v.attempt, v.error_name, v.error_message FROM ${CLAIMS}
    JOIN unnest($4::text::text[], $5::text::int[], $6::text::text[], $7::text::text[])
      WITH ORDINALITY AS v (reason, attempt, error_name, error_message, place) USING (place)),
  died AS (DELETE FROM ${tables.delivery} d USING outcome o WHERE ${IS_CLAIMED}
    RETURNING d.event, d.consumer, o.reason, o.attempt, o.error_name, o.error_message),
  ${freed(tables, 'died')},
  kept AS (INSERT INTO ${tables.deadLetter} (namespace, service, consumer, name, key, key_hash, body, headers,
      reason, attempt, error_name, error_message)
    SELECT c.namespace, c.service, c.name, e.name, e.key, e.key_hash, e.body, e.headers,
      g.reason, g.attempt, g.error_name, g.error_message
    FROM died g JOIN ${tables.event} e ON e.id = g.event JOIN ${tables.consumer} c ON c.id = g.consumer ORDER BY g.event
    RETURNING id)
SELECT count(*)::text AS count FROM kept`;

export const deadValues = (died: readonly Died[]): Value[] => [
  ...claimValues(died.map(({ claim }) => claim)),
  arrayOf(died.map(({ outcome }) => withoutZero(outcome.reason))),
  arrayOf(died.map(({ outcome }) => outcome.attempt)),
  arrayOf(died.map(({ outcome }) => withoutZero(outcome.error.name))),
  arrayOf(died.map(({ outcome }) => withoutZero(outcome.error.message))),
];

/** Extends leases that have not run out. Gives those that it could extend. */
export const renewStatement = ({ delivery }: Tables): string => `
WITH renewed AS (UPDATE ${delivery} d SET taken_until = now() + $4::text::float8 * interval '1 ms'
    FROM ${CLAIMS} WHERE ${IS_CLAIMED} AND d.taken_until > now() RETURNING d.event, d.consumer, d.claims)
SELECT event::text, consumer::text, claims::text FROM renewed`;

/** Gives rows back at once, and counts no delivery for those that no handler has seen. */
export const releaseStatement = ({ delivery }: Tables): string => `
WITH released AS (UPDATE ${delivery} d SET taken_until = '-infinity', claims_before = claims_before + v.unseen
    FROM ${CLAIMS} JOIN unnest($4::text::int[]) WITH ORDINALITY AS v (unseen, place) USING (place)
    WHERE ${IS_CLAIMED} RETURNING d.event)
SELECT count(*)::text AS count FROM released`;
