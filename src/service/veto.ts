import type { WriteLog } from '../bus/log.ts';
import type { EventBusError } from '../bus/types.ts';
import { within } from '../shared/time-limit.ts';
import type { Connection } from '../transport/index.ts';

/**
 * Makes the commit of a session fail, because an event of its transaction was refused. Never rejects: a transaction that
 * has failed already, or a value that is no session, takes no veto.
 */
export type Veto = (session: unknown, eventName: string, error: EventBusError) => Promise<void>;

const PREFIX = '[mapbus] ';

/** @param timeoutMs how long a publish waits for its veto */
export const createVeto = (connection: Connection, timeoutMs: number, log: WriteLog): Veto => {
  const { veto, refuseSession } = connection;
  return async (session, eventName, error) => {
    if (session === undefined || !veto) return;
    try {
      if (refuseSession?.(session) !== undefined) return;
      const reason = `${eventName}: ${error.code}: ${error.message.replace(PREFIX, '')}`;
      await within(timeoutMs, veto(session, reason), () => {
        throw new Error(`The session has not answered within ${timeoutMs} ms`);
      });
    } catch (cause) {
      log('debug', 'event_veto_failed', { eventName, error: cause });
    }
  };
};
