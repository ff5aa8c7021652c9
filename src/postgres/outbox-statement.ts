import type { Message } from '../transport/index.ts';
import type { Value } from './database.ts';
import { columnsOf } from './publish-statement.ts';
import type { Owner } from './registrations.ts';
import type { Tables } from './tables.ts';

/** The only consumer of an outbox. No name of a user's consumer has parentheses. */
export const RELAY = '(relay)';

/** An outbox is never removed: what waits in it waits for its transport. */
export const NEVER_MS = 100 * 365 * 24 * 60 * 60 * 1_000;

/** Stores each event with one row, for the relay, which may be the first one. Every key keeps its order. Gives the names that are stored. */
export const outboxStatement = ({ consumer, delivery, event, eventId }: Tables): string => `
WITH message AS MATERIALIZED (SELECT * FROM unnest($3::text::text[], $4::text::text[], $5::text::bigint[],
    $6::text::text[], $7::text::text[]) WITH ORDINALITY AS m (name, key, key_hash, body, headers, place)),
  present AS MATERIALIZED (SELECT id FROM ${consumer}
    WHERE namespace = $1::text AND service = $2::text AND name = '${RELAY}'),
  made AS (INSERT INTO ${consumer} (namespace, service, name, is_ordered, expires_after)
    SELECT $1::text, $2::text, '${RELAY}', true, ${NEVER_MS} * interval '1 ms' WHERE NOT EXISTS (SELECT FROM present)
    ON CONFLICT DO NOTHING RETURNING id),
  relay AS MATERIALIZED (SELECT id FROM present UNION ALL SELECT id FROM made),
  numbered AS MATERIALIZED (SELECT nextval('${eventId}') AS id, r.id AS relay, m.*
    FROM (SELECT * FROM message ORDER BY place) m CROSS JOIN relay r),
  stored AS (INSERT INTO ${event} (id, name, key, key_hash, body, headers)
    SELECT id, name, key, key_hash, body, headers FROM numbered),
  due AS (INSERT INTO ${delivery} (event, consumer, subscription, key_hash)
    SELECT id, relay, 0, key_hash FROM numbered ORDER BY id)
SELECT DISTINCT name FROM numbered`;

/** What a message has beside its body and its key. */
type Envelope = Pick<Message, 'name' | 'id' | 'source' | 'headers'>;

const envelopeOf = ({ name, id, source, headers }: Message): Envelope => ({ name, id, source, headers });

export const outboxValues = ({ namespace, service }: Owner, messages: readonly Message[]): Value[] => [
  namespace,
  service,
  ...columnsOf(messages, envelopeOf),
];

/** The message of a stored row. */
export const messageOf = (headers: unknown, body: string, key: string | undefined): Message => ({
  ...(headers as Envelope),
  body,
  key,
});

/** The last event so far. */
export const lastEventStatement = ({ eventId }: Tables): string =>
  `SELECT (CASE WHEN is_called THEN last_value ELSE 0 END)::text AS last FROM ${eventId}`;

/** Whether an outbox of a namespace still has an event until this one. */
export const isBehindStatement = ({ consumer, delivery }: Tables): string => `
SELECT (EXISTS (SELECT FROM ${consumer} c JOIN ${delivery} d ON d.consumer = c.id
  WHERE c.namespace = $1::text AND c.name = '${RELAY}' AND d.event <= $2::text::bigint))::text AS behind`;
