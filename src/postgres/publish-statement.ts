import type { Message } from '../transport/index.ts';
import { arrayOf, escapeZero, hashOf } from './as-text.ts';
import type { Value } from './database.ts';
import type { Tables } from './tables.ts';

/**
 * Stores the body once, and a small row for each consumer. Ids are taken in the order of the messages.
 * Gives the names that have a consumer.
 */
export const publishStatement = ({ consumer, delivery, event, eventId, subscription }: Tables): string => `
WITH message AS MATERIALIZED (SELECT * FROM unnest($2::text::text[], $3::text::text[], $4::text::bigint[],
    $5::text::text[], $6::text::text[]) WITH ORDINALITY AS m (name, key, key_hash, body, headers, place)),
  wanted AS MATERIALIZED (SELECT s.id, s.consumer, s.name, c.is_ordered FROM ${subscription} s
    JOIN ${consumer} c ON c.id = s.consumer
    WHERE s.namespace = $1::text AND s.name IN (SELECT name FROM message) AND c.seen_at + c.expires_after > now()),
  numbered AS MATERIALIZED (SELECT nextval('${eventId}') AS id, m.* FROM (
    SELECT * FROM message WHERE name IN (SELECT name FROM wanted) ORDER BY place) m),
  stored AS (INSERT INTO ${event} (id, name, key, key_hash, body, headers)
    SELECT id, name, key, key_hash, body, headers FROM numbered),
  due AS (INSERT INTO ${delivery} (event, consumer, subscription, key_hash)
    SELECT n.id, w.consumer, w.id, CASE WHEN w.is_ordered THEN n.key_hash END
    FROM numbered n JOIN wanted w ON w.name = n.name ORDER BY n.id)
SELECT DISTINCT name FROM wanted`;

/** The same for one message. It is planned in half of the time, and a statement in a transaction of a user is planned each time. */
export const publishOneStatement = ({ consumer, delivery, event, subscription }: Tables): string => `
WITH wanted AS MATERIALIZED (SELECT s.id, s.consumer, s.name, c.is_ordered FROM ${subscription} s
    JOIN ${consumer} c ON c.id = s.consumer
    WHERE s.namespace = $1::text AND s.name = $2::text AND c.seen_at + c.expires_after > now()),
  stored AS (INSERT INTO ${event} (name, key, key_hash, body, headers)
    SELECT $2::text, $3::text, $4::text::bigint, $5::text, $6::text WHERE EXISTS (SELECT FROM wanted) RETURNING id, key_hash),
  due AS (INSERT INTO ${delivery} (event, consumer, subscription, key_hash)
    SELECT e.id, w.consumer, w.id, CASE WHEN w.is_ordered THEN e.key_hash END FROM stored e, wanted w)
SELECT name FROM wanted LIMIT 1`;

/**
 * The values of all messages as columns of text.
 * @param headersOf what is stored as headers
 */
export const columnsOf = (
  messages: readonly Message[],
  headersOf: (message: Message) => unknown = ({ headers }) => headers,
): string[] => [
  arrayOf(messages.map(({ name }) => name)),
  arrayOf(messages.map(({ key }) => (key === undefined ? null : escapeZero(key)))),
  arrayOf(messages.map(({ key }) => (key === undefined ? null : hashOf(key)))),
  arrayOf(messages.map(({ body }) => body)),
  arrayOf(messages.map((message) => JSON.stringify(headersOf(message)))),
];

export const publishValues = (namespace: string, messages: readonly Message[]): Value[] => [
  namespace,
  ...columnsOf(messages),
];

export const publishOneValues = (namespace: string, { name, key, body, headers }: Message): Value[] => [
  namespace,
  name,
  key === undefined ? null : escapeZero(key),
  key === undefined ? null : hashOf(key),
  body,
  JSON.stringify(headers),
];
