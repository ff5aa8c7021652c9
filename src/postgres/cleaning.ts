import type { ConnectionContext } from '../transport/index.ts';
import type { Row, Value } from './database.ts';
import type { Tables } from './tables.ts';

/** So many rows in one statement, so that nothing waits long for it. */
const BATCH = 1_000;
/** So many statements in one go. */
const MAX_BATCHES = 50;

type Query = (text: string, values: readonly Value[]) => Promise<readonly Row[]>;

/** An event name that only an old version of a consumer had, once no process of that version runs. */
const dropNames = ({ consumer, subscription }: Tables): string => `
WITH gone AS (DELETE FROM ${subscription} s USING ${consumer} c
  WHERE s.consumer = c.id AND s.seen_at < c.seen_at - interval '60 s' RETURNING s.id)
SELECT count(*)::text AS count FROM gone`;

/** A part of what waits for consumers that no process has run for too long. */
const dropExpired = ({ consumer, delivery }: Tables): string => `
WITH expired AS MATERIALIZED (SELECT id, name, service FROM ${consumer} WHERE seen_at + expires_after < now()),
  part AS (SELECT d.event, d.consumer FROM ${delivery} d JOIN expired x ON x.id = d.consumer LIMIT ${BATCH} FOR UPDATE OF d SKIP LOCKED),
  gone AS (DELETE FROM ${delivery} d USING part p WHERE d.event = p.event AND d.consumer = p.consumer RETURNING d.consumer)
SELECT x.service, x.name, count(*)::text AS count FROM gone g JOIN expired x ON x.id = g.consumer GROUP BY 1, 2`;

const dropConsumers = ({ consumer, delivery, formerName, subscription }: Tables): string => `
WITH expired AS MATERIALIZED (DELETE FROM ${consumer} c WHERE seen_at + expires_after < now()
    AND NOT EXISTS (SELECT FROM ${delivery} d WHERE d.consumer = c.id) RETURNING id),
  names AS (DELETE FROM ${subscription} s USING expired x WHERE s.consumer = x.id),
  former AS (DELETE FROM ${formerName} f USING expired x WHERE f.consumer = x.id)
SELECT count(*)::text AS count FROM expired`;

/** What two processes have left behind, from one event on. Gives the last event that was looked at. */
const dropEvents = ({ consumer, delivery, event }: Tables): string => `
WITH part AS MATERIALIZED (SELECT id FROM ${event} WHERE id > $1::text::bigint ORDER BY id LIMIT ${BATCH}),
  strays AS (DELETE FROM ${delivery} d USING part p WHERE d.event = p.id
    AND NOT EXISTS (SELECT FROM ${consumer} c WHERE c.id = d.consumer) RETURNING d.event),
  unused AS (SELECT e.id FROM ${event} e JOIN part p USING (id)
    WHERE NOT EXISTS (SELECT FROM ${delivery} d WHERE d.event = e.id) FOR UPDATE OF e SKIP LOCKED),
  gone AS (DELETE FROM ${event} e USING unused u WHERE e.id = u.id RETURNING e.id)
SELECT max(id)::text AS last, count(*)::text AS count, (SELECT count(*)::text FROM gone) AS gone FROM part`;

/** Removes what nobody needs any more, in small statements. */
export const createCleaning = (tables: Tables, query: Query, report: ConnectionContext['report']) => {
  const statements = {
    names: dropNames(tables),
    expired: dropExpired(tables),
    consumers: dropConsumers(tables),
    events: dropEvents(tables),
  };
  let lastEvent = '0';

  const cleanExpired = async (): Promise<void> => {
    for (let batch = 0; batch < MAX_BATCHES; batch++) {
      const rows = await query(statements.expired, []);
      for (const { service, name, count } of rows)
        report('warn', 'event_lost', { service, consumer: name, count: Number(count), reason: 'consumer_expired' });
      if (rows.length === 0) break;
    }
    await query(statements.consumers, []);
  };
  /** Goes on where it ended the last time, and begins anew at the end. */
  const cleanEvents = async (): Promise<void> => {
    for (let batch = 0; batch < MAX_BATCHES; batch++) {
      const [row] = await query(statements.events, [lastEvent]);
      const isEnd = Number(row?.count ?? 0) < BATCH;
      lastEvent = isEnd ? '0' : (row?.last ?? '0');
      if (isEnd) return;
    }
  };
  return async (): Promise<void> => {
    await query(statements.names, []);
    await cleanExpired();
    await cleanEvents();
  };
};
