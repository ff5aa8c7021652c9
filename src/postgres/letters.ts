import { checkCursor } from '../shared/cursor.ts';
import type { DeadLetterStore, StoredDeadLetter } from '../transport/index.ts';
import { arrayOf } from './as-text.ts';
import type { Row, Value } from './database.ts';
import type { Owner } from './registrations.ts';
import type { Tables } from './tables.ts';

const letterOf = ({ ref, consumer, reason, attempt, errorname, errormessage, died, body }: Row): StoredDeadLetter => ({
  ref: ref ?? '',
  consumer: consumer ?? '',
  reason: reason ?? '',
  attempt: Number(attempt),
  error: { name: errorname ?? '', message: errormessage ?? '' },
  diedAt: new Date(Number(died)),
  body: body ?? '',
});

const CURSOR = /^\d{1,18}$/;

/** What is no number is the ref of no letter. */
const refsOf = (refs: readonly string[]): string => arrayOf(refs.filter((ref) => /^\d{1,18}$/.test(ref)));

/** The dead letters of a service. */
export const createLetters = (
  { consumer, deadLetter, delivery, event, eventId, formerName }: Tables,
  { namespace, service }: Owner,
  query: (text: string, values: readonly Value[]) => Promise<readonly Row[]>,
): DeadLetterStore => {
  const owner = [namespace, service];
  const ARE_OURS = `l.namespace = $1::text AND l.service = $2::text`;

  const page: DeadLetterStore['page'] = async ({ consumer: name = null, after = '0', limit }) => {
    checkCursor(after, CURSOR);
    const rows = await query(
      `SELECT l.id::text AS ref, l.consumer, l.reason, l.attempt::text, l.error_name AS errorname,
          l.error_message AS errormessage, (extract(epoch FROM l.died_at) * 1000)::bigint::text AS died, l.body
        FROM ${deadLetter} l WHERE ${ARE_OURS} AND l.id > $3::text::bigint AND ($4::text IS NULL OR l.consumer = $4::text)
        ORDER BY l.id LIMIT $5::text::int`,
      [...owner, after, name, String(limit + 1)],
    );
    const letters = rows.slice(0, limit).map(letterOf);
    return { letters, next: rows.length > limit ? letters.at(-1)?.ref : undefined };
  };
  const countOf = (rows: readonly Row[]): number => Number(rows[0]?.count ?? 0);

  /** Each letter becomes a new event for its consumer alone. A letter whose consumer is gone stays. */
  const redrive: DeadLetterStore['redrive'] = async (refs) =>
    countOf(
      await query(
        `WITH present AS MATERIALIZED (SELECT l.id, c.id AS consumer, c.is_ordered FROM ${deadLetter} l
            LEFT JOIN ${formerName} f ON f.namespace = l.namespace AND f.service = l.service AND f.name = l.consumer
            JOIN ${consumer} c ON c.id = f.consumer OR (f.consumer IS NULL AND c.namespace = l.namespace
              AND c.service = l.service AND c.name = l.consumer)
            WHERE ${ARE_OURS} AND l.id = ANY($3::text::bigint[])),
          taken AS (DELETE FROM ${deadLetter} l USING present p WHERE l.id = p.id
            RETURNING l.*, p.consumer AS consumer_id, p.is_ordered),
          numbered AS MATERIALIZED (SELECT nextval('${eventId}') AS event, t.* FROM (SELECT * FROM taken ORDER BY id) t),
          stored AS (INSERT INTO ${event} (id, name, key, key_hash, body, headers)
            SELECT event, name, key, key_hash, body, headers FROM numbered),
          due AS (INSERT INTO ${delivery} (event, consumer, subscription, key_hash)
            SELECT event, consumer_id, 0, CASE WHEN is_ordered THEN key_hash END FROM numbered)
        SELECT count(*)::text AS count FROM numbered`,
        [...owner, refsOf(refs)],
      ),
    );
  const discard: DeadLetterStore['discard'] = async (refs) =>
    countOf(
      await query(
        `WITH gone AS (DELETE FROM ${deadLetter} l WHERE ${ARE_OURS} AND l.id = ANY($3::text::bigint[]) RETURNING l.id)
        SELECT count(*)::text AS count FROM gone`,
        [...owner, refsOf(refs)],
      ),
    );
  return { page, redrive, discard };
};
