import type { Database } from './database.ts';
import type { Tables } from './tables.ts';

/** So many rows in one statement, so that nothing waits long for it. */
const BATCH = 1_000;
const CLEAN_MS = 60_000;
/** How long a duplicate waits for the transaction that handles the event. */
const LOCK_MS = 5_000;

/** What is handled: one event, by one consumer. */
export interface Handling {
  readonly consumer: string;
  readonly source: string;
  readonly id: string;
}

/**
 * Stores that an event is handled, in the transaction of its handler. The server ends this transaction if its process is
 * silent for too long: a frozen process would keep the event from all others.
 */
const insertStatement = ({ inbox }: Tables): string => `
INSERT INTO ${inbox} (consumer, source, id) SELECT $1::text, $2::text, $3::text
  WHERE set_config('lock_timeout', $4::text, true) IS NOT NULL
    AND set_config('idle_in_transaction_session_timeout', $5::text, true) IS NOT NULL
  ON CONFLICT DO NOTHING RETURNING id`;

const cleanStatement = ({ inbox }: Tables): string => `
WITH old AS (SELECT ctid FROM ${inbox} WHERE handled_at < now() - $1::text::float8 * interval '1 ms'
    LIMIT ${BATCH} FOR UPDATE SKIP LOCKED),
  gone AS (DELETE FROM ${inbox} WHERE ctid = ANY(ARRAY(SELECT ctid FROM old)) RETURNING id)
SELECT count(*)::text AS count FROM gone`;

interface InboxParts<Session> {
  readonly database: Database<Session>;
  readonly names: Tables;
  readonly retentionMs: number;
  readonly idleMs: number;
}

/** The events that were handled. */
export const createInbox = <Session>({ database, names, retentionMs, idleMs }: InboxParts<Session>) => {
  const statements = { insert: insertStatement(names), clean: cleanStatement(names) };
  let cleanedAt = performance.now();

  /** @returns whether this is the first time */
  const isFirst = async ({ consumer, source, id }: Handling, session: Session): Promise<boolean> => {
    const values = [consumer, source, id, String(LOCK_MS), String(idleMs)];
    return (await database.query(statements.insert, values, session)).length === 1;
  };
  const cleanAll = async (): Promise<void> => {
    for (let count = BATCH; count === BATCH; ) {
      const [row] = await database.query(statements.clean, [String(retentionMs)]);
      count = Number(row?.count);
    }
  };
  /** Removes what is older than the retention, once a minute while events come. */
  const clean = async (): Promise<void> => {
    if (performance.now() - cleanedAt < CLEAN_MS) return;
    cleanedAt = performance.now();
    await cleanAll();
  };
  return { isFirst, clean, cleanAll };
};
