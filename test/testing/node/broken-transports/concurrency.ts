import type { Outcome } from 'mapbus/transport';
import { broken, pause } from './tools.ts';

export const brokenConcurrency = [
  broken(
    'gives ten times as many events at once',
    'a process handles no more events of a consumer at once than its concurrency',
    () => ({
      spec: (spec) => ({ ...spec, concurrency: spec.concurrency * 10 }),
    }),
  ),

  broken(
    'gives one event less at once',
    'a process handles as many events of a consumer at once as its concurrency',
    () => ({
      spec: (spec) => ({ ...spec, concurrency: Math.max(1, spec.concurrency - 1) }),
    }),
  ),

  broken(
    'begins a batch when the last one has ended',
    'a handler that hangs does not stop the other events of its consumer',
    () => {
      const batches = new Map<unknown, { count: number; readonly ended: Promise<void>; readonly end: () => void }>();
      const open = () => {
        let end = () => {};
        const ended = new Promise<void>((resolve) => {
          end = resolve;
        });
        return { count: 0, ended, end };
      };
      return {
        deliver: async ({ running, run }): Promise<Outcome> => {
          const batch = batches.get(running) ?? open();
          batches.set(running, batch);
          batch.count++;
          const outcome = await run();
          if (--batch.count === 0) {
            batches.delete(running);
            batch.end();
          }
          await batch.ended;
          return outcome;
        },
      };
    },
  ),

  broken('starts consumers when the process is idle', 'a consumer can start beside a handler that hangs', () => ({
    consume: async (start, { process }) => {
      while ([...process.running].some(({ open }) => open.size > 0) && !process.isClosed) await pause(1);
      return start();
    },
  })),

  broken(
    'lets its lease run out while a handler runs',
    'an event belongs to its process for as long as its handler runs',
    ({ elsewhere }) => ({
      deliver: async ({ delivery, running, run }) => {
        let isOver = false;
        void pause(10).then(() => {
          const [other] = elsewhere(running);
          if (!isOver && !running.process.isKilled) void other?.deliver(delivery);
        });
        const outcome = await run();
        isOver = true;
        return outcome;
      },
    }),
  ),
];
