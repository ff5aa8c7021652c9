import { broken, createWaits, isOrdered } from './tools.ts';
import type { Process } from './with-fault.ts';

export const brokenRetry = [
  broken('counts attempts to two', 'a failed event comes again, with the same id and the next attempt', () => ({
    deliver: async ({ run }) => {
      const outcome = await run();
      return outcome.is === 'retry' ? { ...outcome, attempt: Math.min(outcome.attempt, 2) } : outcome;
    },
  })),

  broken('gives a retry a new id', 'a failed event comes again, with the same id and the next attempt', () => ({
    deliver: ({ delivery, run }) => {
      if (delivery.attempt === 1) return run();
      const body = String(delivery.body).replace(/"id":"[^"]+"/, `"id":"${crypto.randomUUID()}"`);
      return run({ ...delivery, body });
    },
  })),

  broken('has three places for retries, and forgets the fourth', 'an event is tried six times', () => {
    const retries = new Map<string, number>();
    return {
      deliver: async ({ delivery, running: { key }, run }) => {
        const outcome = await run();
        if (outcome.is !== 'retry') return outcome;
        const id = `${key} ${delivery.body}`;
        retries.set(id, (retries.get(id) ?? 0) + 1);
        return Number(retries.get(id)) > 3 ? { is: 'done' } : outcome;
      },
    };
  }),

  broken('keeps 20 retries at most', 'of 30 events that fail at once, all come again', () => {
    let waiting = 0;
    return {
      deliver: async ({ delivery, run }) => {
        if (delivery.attempt > 1) waiting--;
        const outcome = await run();
        if (outcome.is !== 'retry') return outcome;
        if (waiting >= 20) return { is: 'done' };
        waiting++;
        return outcome;
      },
    };
  }),

  broken('brings retries long before their time', 'a retry does not come before its time', () => ({
    deliver: async ({ run }) => {
      const outcome = await run();
      return outcome.is === 'retry' ? { ...outcome, afterMs: outcome.afterMs / 20 } : outcome;
    },
  })),

  broken(
    'waits for a retry in the only place of a consumer',
    'an event that waits for its retry holds no other one back',
    () => {
      const waits = createWaits();
      return {
        deliver: async ({ running: { spec }, run }) => {
          const outcome = await run();
          if (outcome.is !== 'retry' || spec.concurrency > 1) return outcome;
          await waits.wait(outcome.afterMs);
          return { ...outcome, afterMs: 0 };
        },
        closing: waits.giveUp,
      };
    },
  ),

  broken('keeps retries in the process', 'a retry comes also if its process has closed meanwhile', ({ drop }) => {
    const kept = new Map<string, { readonly process: Process; readonly body: string; readonly key: string }>();
    return {
      deliver: async (call) => {
        const { key, process } = call.running;
        const body = String(call.delivery.body);
        kept.delete(`${key} ${body}`);
        const outcome = await call.run();
        if (outcome.is === 'retry' && !isOrdered(call)) kept.set(`${key} ${body}`, { process, body, key });
        return outcome;
      },
      closing: (closed) => {
        for (const { process, body, key } of kept.values()) if (process === closed) drop(key, body);
      },
    };
  }),
];
