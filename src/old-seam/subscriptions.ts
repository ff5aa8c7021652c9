import type { WriteLog } from '../bus/log.ts';
import { createError } from '../shared/errors.ts';
import { within } from '../shared/time-limit.ts';
import { after } from './after.ts';
import type { Settings } from './options.ts';
import type { Delivery, Transport } from './port.ts';

const PAUSE_MS = 1_000;

const isFatal = (error: unknown) => error instanceof Error && 'fatal' in error && error.fatal === true;

/** Keeps what the transport receives in step with the subscriptions, however long the broker is away. */
export const createSubscriptions = (
  transport: Transport,
  deliver: (delivery: Delivery) => Promise<void>,
  log: WriteLog,
  { readyTimeoutMs }: Settings,
) => {
  const names = new Set<string>();
  let all = false;
  let wanted = 0;
  let inForce = 0;
  let stopped = false;
  let trouble: unknown;
  let work: Promise<void> = Promise.resolve();

  const receive = async () => {
    while (inForce < wanted && !stopped) {
      const goal = wanted;
      try {
        await transport.receive(all ? undefined : new Set(names), deliver);
        inForce = goal;
        trouble = undefined;
      } catch (error) {
        trouble = error;
        log('error', 'event_subscriptions_failed', { error });
        if (isFatal(error)) throw error;
        await after(PAUSE_MS * (1 + Math.random()));
      }
    }
  };

  /** Asks for one more name, or for all. */
  const want = (name: string | undefined): void => {
    if (name === undefined ? all : names.has(name)) return;
    if (name === undefined) all = true;
    else names.add(name);
    wanted++;
    // Once for all subscriptions of a turn, since by then the count is in force.
    work = work.then(receive);
    work.catch(() => {});
  };

  const ready = (): Promise<void> =>
    within(readyTimeoutMs, work, () => {
      throw createError('transport_unavailable', `Not ready within ${readyTimeoutMs} ms: ${trouble ?? 'no answer'}`);
    });

  const stop = () => {
    stopped = true;
  };

  return { want, ready, stop };
};
