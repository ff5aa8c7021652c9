import { broken, haveOneName, pause } from './tools.ts';
import type { Process, Running } from './with-fault.ts';

export const brokenProcesses = [
  broken(
    'gives each event to every process, one after another',
    'two processes of a consumer share its events',
    ({ elsewhere }) => ({
      deliver: async ({ delivery, running, run }) => {
        const outcome = await run();
        for (const other of elsewhere(running)) void other.deliver(delivery);
        return outcome;
      },
    }),
  ),

  broken('gives all events to one process', 'of two processes of a consumer, both get events', ({ elsewhere }) => ({
    consume: async (start, running) => {
      const { process, number } = running;
      let isStopped = false;
      const startAlone = async () => {
        while (elsewhere(running).some((other) => other.number < number)) {
          if (isStopped || process.isClosed || process.isKilled) return undefined;
          await pause(1);
        }
        return start();
      };
      const starting = startAlone();
      return {
        stop: async () => {
          isStopped = true;
          await (await starting)?.stop();
        },
      };
    },
  })),

  broken(
    'gives events to any process of the service',
    'a process gets no events of consumers that it does not run',
    ({ running }) => ({
      deliver: ({ delivery, running: one, run }) => {
        const isWrong = (other: Running) =>
          other.key !== one.key &&
          other.process !== one.process &&
          other.process.context.service === one.process.context.service &&
          other.process.context.namespace === one.process.context.namespace;
        const other = running().find(isWrong);
        return other ? other.deliver(delivery) : run();
      },
    }),
  ),

  broken(
    'empties a queue that another process joins',
    'a process that joins a running one takes nothing away',
    ({ running, keyOf, dropAll }) => ({
      declare: (specs, process) => {
        for (const { consumer } of specs) {
          const key = keyOf(process.context, consumer);
          const runsElsewhere = running().some((other) => other.key === key && other.process !== process);
          if (runsElsewhere) dropAll(key, ['waiting']);
        }
        return specs;
      },
    }),
  ),

  broken(
    'keeps events only while a process runs the consumer',
    'a consumer that no process runs gets its events later',
    ({ declared, running, drop }) => {
      const known = new Set<string>();
      return {
        publish: (message, send) => {
          const here = new Set(running().map(({ key }) => key));
          for (const [key, names] of declared)
            if (names.has(message.name) && known.has(key) && !here.has(key)) drop(key, message.body);
          return send(message);
        },
        consume: (start, { key }) => {
          known.add(key);
          return start();
        },
      };
    },
  ),

  broken(
    'loses what waits when a consumer stops, unless its process closes',
    'the events of a consumer that is stopped wait for the next process',
    ({ todoOf, dropped }) => {
      const lostBy = new Map<Process, string[]>();
      return {
        stopping: ({ key, process }) => {
          const lost = [...todoOf(key)].flatMap(([body, state]) => (state === 'waiting' ? [`${key} ${body}`] : []));
          for (const id of lost) dropped.add(id);
          lostBy.set(process, [...(lostBy.get(process) ?? []), ...lost]);
        },
        closing: (process) => {
          for (const id of lostBy.get(process) ?? []) dropped.delete(id);
        },
      };
    },
  ),

  broken(
    'brings a retry to all consumers',
    'a consumer that fails does not multiply the events of another',
    ({ running }) => ({
      deliver: async ({ delivery, running: one, run }) => {
        const outcome = await run();
        if (outcome.is !== 'retry') return outcome;
        for (const other of running())
          if (other.key !== one.key && haveOneName(one, other)) void other.deliver(delivery);
        return outcome;
      },
    }),
  ),

  broken('has one position for all services', 'a consumer that hangs does not delay the events of another', () => {
    let handled: { readonly service: string; count: number } = { service: '', count: 0 };
    return {
      deliver: async ({ running: { process }, run }) => {
        const { service } = process.context;
        while (handled.count > 0 && handled.service !== service) {
          if (process.isClosed) break;
          await pause(1);
        }
        if (handled.service !== service) handled = { service, count: 0 };
        const mine = handled;
        mine.count++;
        const outcome = await run();
        mine.count--;
        return outcome;
      },
    };
  }),
];
