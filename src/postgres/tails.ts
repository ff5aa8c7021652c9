import { outside } from '../service/outside.ts';
import { sleep } from '../shared/sleep.ts';
import type { Connection, ConnectionContext, ConsumerSpec, Receiving } from '../transport/index.ts';
import { createAlarm } from './alarm.ts';
import { freed } from './claim-statement.ts';
import type { Store } from './store.ts';
import type { Tables } from './tables.ts';

/** After trouble with the database. */
const PAUSE_MS = 500;

/** A tail that shows no sign of life for so long is removed. */
const EXPIRES_MS = 60_000;

/** Takes all that waits for a tail, without a lease: a tail hears an event once at most. */
const takeStatement = (tables: Tables): string => `
WITH taken AS (DELETE FROM ${tables.delivery} d WHERE d.consumer = $1::text::int RETURNING d.event, d.consumer),
  ${freed(tables, 'taken')}
SELECT e.body FROM taken t JOIN ${tables.event} e ON e.id = t.event ORDER BY e.id`;

const removeStatement = ({ consumer, delivery, subscription }: Tables): string => `
WITH names AS (DELETE FROM ${subscription} WHERE consumer = $1::text::int),
  waiting AS (DELETE FROM ${delivery} WHERE consumer = $1::text::int),
  gone AS (DELETE FROM ${consumer} WHERE id = $1::text::int RETURNING id)
SELECT count(*)::text AS count FROM gone`;

const specOf = (consumer: string, names: readonly string[]): ConsumerSpec => ({
  consumer,
  names,
  order: undefined,
  concurrency: 1,
  timeoutMs: 1,
  retryDelaysMs: [],
  expiresAfterMs: EXPIRES_MS,
  formerly: undefined,
});

/** The tails of a connection. Each is a consumer of its own, of a service without a name. */
export const createTails = (
  { names, query, hints, register, forget, registrationOf }: Store,
  namespace: string,
  pollMs: number,
  report: ConnectionContext['report'],
) => {
  const statements = { take: takeStatement(names), remove: removeStatement(names) };
  const owner = { namespace, service: '' };
  const running = new Set<Receiving>();

  /** Reads for one tail until it is stopped. */
  const read = (consumer: string, tell: (body: string) => void): Receiving => {
    const alarm = createAlarm();
    const stopListening = hints.listen(alarm.ring);
    let isStopped = false;
    const rowOf = () => registrationOf(owner, consumer)?.consumer ?? null;

    const take = async (): Promise<void> => {
      for (const { body } of await query(statements.take, [rowOf()])) if (!isStopped) outside(() => tell(body ?? ''));
    };
    const loop = async (): Promise<void> => {
      while (!isStopped) {
        try {
          await take();
          await alarm.sleep(pollMs);
        } catch (error) {
          report('warn', 'event_transport_trouble', { error });
          await sleep(PAUSE_MS);
        }
      }
    };
    const looping = loop();
    const stop = async (): Promise<void> => {
      if (isStopped) return;
      isStopped = true;
      stopListening();
      alarm.ring();
      await looping;
      const row = rowOf();
      forget(owner, consumer);
      await query(statements.remove, [row]);
    };
    return { stop };
  };

  const start: NonNullable<Connection['tail']> = async (eventNames, tell) => {
    const consumer = `tail-${crypto.randomUUID()}`;
    await register(owner, [specOf(consumer, eventNames)]);
    const reading = read(consumer, tell);
    running.add(reading);
    const stop = async () => {
      running.delete(reading);
      await reading.stop();
    };
    return { stop };
  };
  const stop = async (): Promise<void> => {
    await Promise.all([...running].map((reading) => reading.stop()));
  };
  return { start, stop };
};
