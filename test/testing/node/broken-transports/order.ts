import type { Outcome } from 'mapbus/transport';
import { broken, createWaits, isOrdered, NEVER, pause } from './tools.ts';
import { DONE, type Process } from './with-fault.ts';

export const brokenOrder = [
  broken(
    'publishes again what failed after what came later',
    'events of a key come in the order of their publishes',
    () => {
      let count = 0;
      const publishing = new Map<Process, number>();
      return {
        publish: async (message, send, process) => {
          const beside = publishing.get(process) ?? 0;
          publishing.set(process, beside + 1);
          if (message.key !== undefined && beside > 0 && ++count % 7 === 0) await pause(5);
          const result = await send(message);
          publishing.set(process, Number(publishing.get(process)) - 1);
          return result;
        },
      };
    },
  ),

  broken(
    'locks a key in its process only',
    'events of a key are handled one at a time by all processes',
    ({ elsewhere }) => {
      const last = new Map<string, Promise<Outcome>>();
      return {
        deliver: (call) => {
          const { delivery, running, run } = call;
          if (!isOrdered(call)) return run();
          const id = `${running.key} ${delivery.key}`;
          const before = elsewhere(running).length === 0 ? last.get(id) : undefined;
          const outcome = before ? before.then(() => run()) : run();
          last.set(id, outcome);
          // To the broker, the key is free soon.
          return Promise.race([outcome, pause(2).then(() => DONE)]);
        },
      };
    },
  ),

  broken('lets others overtake a retry of their key', 'a retry holds its key back', () => {
    const waits = createWaits();
    return {
      deliver: async (call) => {
        const outcome = await call.run();
        if (outcome.is !== 'retry' || !isOrdered(call)) return outcome;
        const again = async (attempt: number, afterMs: number): Promise<void> => {
          await waits.wait(afterMs);
          const next = await call.run({ ...call.delivery, attempt });
          if (next.is === 'retry') await again(next.attempt, next.afterMs);
        };
        void again(outcome.attempt, outcome.afterMs);
        return DONE;
      },
      closing: waits.giveUp,
    };
  }),

  broken('holds all keys back for a retry', 'a key that waits holds no other key back', () => {
    const waits = createWaits();
    let blocked: Promise<void> | undefined;
    return {
      deliver: async (call) => {
        if (isOrdered(call)) await blocked;
        const outcome = await call.run();
        if (outcome.is === 'retry' && isOrdered(call)) blocked = waits.wait(outcome.afterMs);
        return outcome;
      },
      closing: waits.giveUp,
    };
  }),

  broken('never frees the key of a dead letter', 'a dead letter makes room for the next event of its key', () => {
    const dead = new Set<string>();
    return {
      deliver: async (call) => {
        const id = `${call.running.key} ${call.delivery.key}`;
        if (isOrdered(call) && dead.has(id)) return NEVER;
        const outcome = await call.run();
        if (outcome.is === 'dead') dead.add(id);
        return outcome;
      },
    };
  }),

  broken(
    'keeps retries in the process, with an order',
    [
      'with an order, a retry comes also if its process has closed meanwhile',
      // What is lost has no attempt.
      'with an order, the attempt of an event that waits for its retry survives the end of its process',
    ],
    ({ drop }) => {
      const kept = new Map<string, { readonly process: Process; readonly body: string; readonly key: string }>();
      const forget = (gone: Process) => {
        for (const { process, body, key } of kept.values()) if (process === gone) drop(key, body);
      };
      return {
        deliver: async (call) => {
          const { key, process } = call.running;
          const body = String(call.delivery.body);
          kept.delete(`${key} ${body}`);
          const outcome = await call.run();
          if (outcome.is === 'retry' && isOrdered(call)) kept.set(`${key} ${body}`, { process, body, key });
          return outcome;
        },
        closing: forget,
        killing: forget,
      };
    },
  ),

  broken(
    'takes events without a key for events of one key',
    'a consumer with an order gets events without a key too',
    () => ({
      publish: (message, send) => send({ ...message, key: message.key ?? '' }),
      deliver: ({ delivery, run }) => run({ ...delivery, key: delivery.key === '' ? undefined : delivery.key }),
    }),
  ),

  broken('orders each name for itself', 'events of a key keep their order across names', () => ({
    publish: (message, send) =>
      send(message.key === undefined ? message : { ...message, key: `${message.name} ${message.key}` }),
    deliver: ({ delivery, running: { spec }, run }) => {
      const name = spec.names.find((each) => delivery.key?.startsWith(`${each} `)) ?? '';
      return run({ ...delivery, key: delivery.key?.slice(name.length + 1) });
    },
  })),
];
