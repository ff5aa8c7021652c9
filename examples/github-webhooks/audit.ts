import { PGlite, type Transaction } from '@electric-sql/pglite';
import type { EventContext } from 'mapbus';

export const openDatabase = async (): Promise<PGlite> => {
  const database = await PGlite.create();
  await database.exec(`CREATE TABLE audit (
    event_id uuid PRIMARY KEY, name text NOT NULL, occurred_at timestamptz NOT NULL, metadata jsonb NOT NULL
  )`);
  return database;
};

/** Writes an event into the audit table, in the transaction of the publisher. */
export const writeAuditRow = async (event: EventContext<string, Transaction>): Promise<void> => {
  if (!event.session) throw new Error('Published outside of a transaction');
  await event.session.query('INSERT INTO audit VALUES ($1, $2, $3, $4)', [
    event.id,
    event.name,
    event.occurredAt,
    event.metadata,
  ]);
};

/** How many of these deliveries have a row with the same event id. */
export const countAuditRows = async (database: PGlite, deliveries: ReadonlyMap<string, string>): Promise<number> => {
  const { rows } = await database.query<{ event_id: string; delivery: string }>(
    "SELECT event_id, metadata ->> 'delivery' AS delivery FROM audit",
  );
  return rows.filter(({ event_id, delivery }) => deliveries.get(event_id) === delivery).length;
};
