import type { StoredDeadLetter } from 'mapbus/transport';
import { broken, createFalseLetters, isOrdered } from './tools.ts';
import type { Process, Running } from './with-fault.ts';

const AGAIN = 'the event of a killed process comes again, with the same id';
const ATTEMPT = 'the event of a killed process keeps its attempt';
const LATE = 'the outcome of a killed process has no effect';
const COUNTED = 'deliveries are counted over killed processes';
const ABORTED = 'the signal of a delivery is aborted once another process has it';
const BY_KEY = 'with an order, the attempt of an event that waits for its retry survives the end of its process';

export const brokenKilling = [
  broken(
    'acknowledges before the handler has ended',
    // What was acknowledged cannot come again, however its process ends.
    [AGAIN, ATTEMPT, LATE, ABORTED, COUNTED, 'what has no outcome when a process closes comes again'],
    ({ drop }) => {
      const ran = new Set<Running>();
      const forget = (process: Process) => {
        for (const running of ran)
          if (running.process === process) for (const body of running.open) drop(running.key, body);
      };
      return {
        consume: (start, running) => {
          ran.add(running);
          return start();
        },
        killing: forget,
        closing: forget,
      };
    },
  ),

  broken('gives the event of a killed process another id', AGAIN, () => ({
    deliver: ({ delivery, run }) => {
      if (Number(delivery.deliveries) === 1) return run();
      const body = String(delivery.body).replace(/"id":"[^"]+"/, `"id":"${crypto.randomUUID()}"`);
      return run({ ...delivery, body });
    },
  })),

  broken('takes the event of a killed process for a first attempt', ATTEMPT, () => ({
    deliver: ({ delivery, run }) => run(Number(delivery.deliveries) > 1 ? { ...delivery, attempt: 1 } : delivery),
  })),

  broken('acts on the outcome of a lost delivery', LATE, () => {
    const falseLetters = createFalseLetters();
    return {
      late: (outcome, running, delivery) => running.process.isKilled && falseLetters.add(outcome, running, delivery),
      page: falseLetters.page,
    };
  }),

  broken('does not notice that a delivery is lost', ABORTED, () => {
    const killed = new Set<unknown>();
    return {
      killing: (process) => killed.add(process),
      deliver: ({ delivery, running, run }) => {
        const controller = new AbortController();
        const pass = () => {
          if (!killed.has(running.process)) controller.abort();
        };
        delivery.signal.addEventListener('abort', pass);
        return run({ ...delivery, signal: controller.signal });
      },
    };
  }),

  broken('keeps attempts in the process, with an order', BY_KEY, () => {
    const attempts = new Map<string, { readonly process: Process; readonly attempt: number }>();
    return {
      deliver: async (call) => {
        const { delivery, running, run } = call;
        if (!isOrdered(call)) return run();
        const id = `${running.key} ${delivery.body}`;
        const known = attempts.get(id);
        const outcome = await run(known?.process === running.process ? delivery : { ...delivery, attempt: 1 });
        if (outcome.is === 'retry') attempts.set(id, { process: running.process, attempt: outcome.attempt });
        return outcome;
      },
    };
  }),

  broken('counts no delivery of a killed process', COUNTED, () => ({
    deliver: ({ delivery, run }) => run({ ...delivery, deliveries: 1 }),
  })),

  broken(
    'forgets its events when the last process ends',
    'events outlive the end of every process',
    ({ processes, declared, dropAll }) => ({
      closed: () => {
        if ([...processes].some(({ isClosed }) => !isClosed)) return;
        for (const key of declared.keys()) dropAll(key, ['waiting', 'retried']);
      },
    }),
  ),

  broken(
    'forgets its dead letters when the last process ends',
    'dead letters outlive the end of every process',
    ({ processes }) => {
      let forgotten: readonly StoredDeadLetter[] = [];
      let all: readonly StoredDeadLetter[] = [];
      return {
        closed: () => {
          if ([...processes].every(({ isClosed }) => isClosed)) forgotten = all;
        },
        page: (letters) => {
          all = letters;
          return letters.filter(({ ref }) => !forgotten.some((letter) => letter.ref === ref));
        },
      };
    },
  ),
];
