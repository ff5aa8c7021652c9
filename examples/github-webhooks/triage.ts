import { setTimeout as sleep } from 'node:timers/promises';
import type { PGlite, Transaction } from '@electric-sql/pglite';
import type { EventPayloadMap } from '@octokit/webhooks-types';
import { exactlyOnce, fromPglite, postgres } from 'mapbus/postgres';
import { createServiceBus } from 'mapbus/service';

/** The attempt that its process does not survive. */
const CRASH_AT = 30;

/** A service that opens a ticket for each issue and pull request: exactly once, although attempts fail and a process dies. */
export const startTriage = async (client: PGlite) => {
  // Without a unique key: a ticket that is opened twice is found by counting.
  await client.exec('CREATE TABLE ticket (event_id text NOT NULL, title text NOT NULL)');
  const database = fromPglite(client);
  const counts = { attempts: 0, failed: 0, crashes: 0 };

  const startProcess = async () => {
    const { consume, ready, close } = createServiceBus<EventPayloadMap, Transaction>({
      service: 'triage',
      transport: postgres({ database }),
      sends: [],
      consumers: { retryDelayMs: 10 },
      // Its attempts fail on purpose.
      logger: { debug: () => {}, warn: () => {}, error: console.error },
    });
    /** As a process that dies: what it has not finished goes to the next one. */
    const die = (): void => {
      counts.crashes++;
      void close({ drainTimeoutMs: 0 });
      running = startProcess();
    };
    consume(
      ['issues', 'pull_request'],
      'open-ticket',
      exactlyOnce(database, async ({ name, payload }, { id, session }) => {
        const attempt = ++counts.attempts;
        const { title } = name === 'issues' ? payload.issue : payload.pull_request;
        await session.query('INSERT INTO ticket VALUES ($1, $2)', [id, title]);
        if (attempt === CRASH_AT) die();
        if (attempt % 10 !== 0) return;
        counts.failed++;
        // The ticket is gone with the transaction, and there is another attempt.
        throw new Error('503 try again later');
      }),
    );
    await ready();
    return close;
  };
  let running = startProcess();
  await running;

  /** The ids of the events that have a ticket: one for each ticket. */
  const tickets = async (): Promise<string[]> =>
    (await client.query<{ event_id: string }>('SELECT event_id FROM ticket')).rows.map(({ event_id }) => event_id);
  const waitForTickets = async (count: number): Promise<void> => {
    for (const begun = Date.now(); (await tickets()).length < count; await sleep(20))
      if (Date.now() - begun > 60_000) throw new Error(`Waited a minute for ${count} tickets`);
  };
  const close = async () => (await running)();
  return { counts, tickets, waitForTickets, close };
};
