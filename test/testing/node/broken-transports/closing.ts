import { broken, createFalseLetters, createWaits, NEVER, neverAborted } from './tools.ts';
import type { Process, Running } from './with-fault.ts';

export const brokenClosing = [
  broken('drops outcomes once a consumer stops', 'what is handled during a close does not come again', () => {
    const stopped = new Set<Running>();
    return {
      stopping: (running) => stopped.add(running),
      deliver: async ({ delivery, running, run }) => {
        const outcome = await run();
        if (!stopped.has(running)) return outcome;
        return { is: 'retry', attempt: delivery.attempt, afterMs: 0, error: { name: 'Error', message: '' } };
      },
    };
  }),

  broken('publishes nothing once its consumers stop', 'a handler can publish while its process closes', () => {
    const stopped = new Set<unknown>();
    return {
      stopping: ({ process }) => stopped.add(process),
      publish: async (message, send, process) => {
        if (stopped.has(process)) throw new Error('The connection is closing');
        return send(message);
      },
    };
  }),

  broken(
    'loses what waits in a process that closes',
    'what waits when a process closes comes to another one',
    ({ dropAll }) => {
      const ran = new Map<unknown, Set<string>>();
      return {
        consume: (start, { key, process }) => {
          ran.set(process, (ran.get(process) ?? new Set()).add(key));
          return start();
        },
        closing: (process) => {
          for (const key of ran.get(process) ?? []) dropAll(key, ['waiting']);
        },
      };
    },
  ),

  broken('keeps what is open when it closes', 'what has no outcome when a process closes comes again', ({ drop }) => {
    const ran = new Set<Running>();
    return {
      consume: (start, running) => {
        ran.add(running);
        return start();
      },
      closing: (process) => {
        for (const { key, open, process: other } of ran)
          if (other === process) for (const body of open) drop(key, body);
      },
    };
  }),

  broken(
    'aborts no signal',
    [
      'the signal of a delivery is aborted when its process closes first',
      'the signal of a delivery is aborted once another process has it',
    ],
    () => ({
      deliver: ({ delivery, run }) => run({ ...delivery, signal: neverAborted() }),
    }),
  ),

  broken('starts a consumer once only', 'a consumer that has stopped can start again in its process', () => {
    const started = new Map<Process, Set<string>>();
    return {
      consume: async (start, { key, process }) => {
        const keys = started.get(process) ?? new Set();
        started.set(process, keys);
        if (keys.has(key)) return { stop: async () => {} };
        keys.add(key);
        return start();
      },
    };
  }),

  broken('acts on an outcome after it has closed', 'an outcome after the close has no effect', () => {
    const falseLetters = createFalseLetters();
    return {
      late: (outcome, running, delivery) => running.process.isClosed && falseLetters.add(outcome, running, delivery),
      page: falseLetters.page,
    };
  }),

  broken(
    'gives one more event to a consumer that has stopped',
    'nothing is delivered once a consumer has stopped',
    () => {
      const stopped = new Set<Running>();
      return {
        stopping: (running) => stopped.add(running),
        closing: (process) => {
          for (const running of stopped) if (running.process === process) stopped.delete(running);
        },
        publish: (message, send) => {
          const { body, headers, key } = message;
          for (const running of stopped) {
            if (!running.spec.names.includes(message.name)) continue;
            stopped.delete(running);
            void running.deliver({ body, headers, key, attempt: 1, deliveries: 1, signal: neverAborted() });
          }
          return send(message);
        },
      };
    },
  ),

  broken(
    'waits for its retries before it closes',
    ['close waits for no retry, and can be called twice', 'a process that has closed ends by itself'],
    ({ cleanups }) => {
      const waits = createWaits();
      cleanups.add(waits.giveUp);
      const pending = new Set<Promise<void>>();
      return {
        deliver: async ({ run }) => {
          const outcome = await run();
          if (outcome.is === 'retry') pending.add(waits.wait(outcome.afterMs));
          return outcome;
        },
        closing: async () => {
          await Promise.all(pending);
        },
      };
    },
  ),

  broken('hangs when it is closed twice', 'close waits for no retry, and can be called twice', () => {
    const closed = new Set<unknown>();
    return {
      rest: (inner, process) => ({
        close: async () => {
          if (closed.has(process)) return NEVER;
          closed.add(process);
          process.isClosed = true;
          return inner.close();
        },
      }),
    };
  }),

  broken('takes events after it has closed', 'publish rejects in time once the transport is closed', () => ({
    rest: ({ publish }, process) => ({
      publish: async (message, context) => (process.isClosed ? {} : publish(message, context)),
    }),
  })),

  broken('hangs on a publish after it has closed', 'publish rejects in time once the transport is closed', () => ({
    rest: ({ publish }, process) => ({
      publish: async (message, context) => (process.isClosed ? NEVER : publish(message, context)),
    }),
  })),

  broken('is always connected', 'health tells whether the transport is connected', () => ({
    rest: ({ health }) => ({ health: () => ({ ...health(), connected: true }) }),
  })),

  broken('is always idle', 'idle waits for what is due, where the transport has it', () => ({
    rest: () => ({ idle: async () => {} }),
  })),

  broken('is idle when no retry waits', 'idle waits for no retry that is not due', ({ cleanups }) => {
    const waits = createWaits();
    cleanups.add(waits.giveUp);
    const pending = new Set<Promise<void>>();
    return {
      deliver: async ({ run }) => {
        const outcome = await run();
        if (outcome.is === 'retry') pending.add(waits.wait(outcome.afterMs));
        return outcome;
      },
      closing: waits.giveUp,
      rest: ({ idle }) => ({
        idle: async () => {
          await idle?.();
          await Promise.all(pending);
        },
      }),
    };
  }),

  broken('leaves a timer behind', 'a process that has closed ends by itself', ({ cleanups }) => ({
    context: (context) => {
      const timer = setInterval(() => {}, 1_000);
      cleanups.add(() => clearInterval(timer));
      return context;
    },
  })),
];
