import type { ConsumerSpec, Message } from 'mapbus/transport';
import { broken, neverAborted } from './tools.ts';

export const brokenDeclaring = [
  broken(
    'puts a consumer in force when it runs',
    [
      'a consumer is in force once it is declared',
      'looking at consumers changes nothing',
      'to remove a consumer leaves the others with their events',
      "an operator's tail takes nothing away from consumers",
    ],
    ({ declared, running, processes, keyOf, drop }) => {
      const announced = new Map<string, unknown>();
      return {
        publish: (message, send) => {
          for (const [key, names] of declared) {
            const process = announced.get(key);
            const isRun = running().some((one) => one.key === key);
            // A process that has closed will not run it, and another one gets all.
            if (names.has(message.name) && !isRun && [...processes].some((one) => one === process && !one.isClosed))
              drop(key, message.body);
          }
          return send(message);
        },
        declare: (specs, process) => {
          for (const { consumer } of specs) announced.set(keyOf(process.context, consumer), process);
          return specs;
        },
      };
    },
  ),

  broken(
    'keeps the events of a removed name',
    'a consumer that moves to another event name gives the old one up',
    ({ declared, keyOf }) => ({
      declare: (specs, { context }) =>
        specs.map((spec) => {
          const before = declared.get(keyOf(context, spec.consumer)) ?? new Set();
          return { ...spec, names: [...new Set([...before, ...spec.names])] };
        }),
    }),
  ),

  broken(
    'removes a former name with its events',
    'a renamed consumer gets what waits for its former name',
    ({ running, todoOf, keyOf, drop }) => ({
      declare: (specs, { context }) => {
        for (const { consumer, formerly } of specs) {
          if (formerly === undefined) continue;
          const former = keyOf(context, formerly);
          if (running().some(({ key }) => key === former)) continue;
          for (const body of todoOf(former).keys()) drop(keyOf(context, consumer), body);
        }
        return specs;
      },
    }),
  ),

  broken(
    'leaves a former name in force',
    'nothing waits for the former name of a renamed consumer',
    ({ running, keyOf }) => {
      const kept = new Map<string, { readonly names: readonly string[]; readonly messages: Message[] }>();
      return {
        publish: (message, send) => {
          for (const { names, messages } of kept.values()) if (names.includes(message.name)) messages.push(message);
          return send(message);
        },
        declare: (specs, { context }) => {
          for (const { formerly, names } of specs) {
            const former = keyOf(context, String(formerly));
            if (formerly === undefined || running().some(({ key }) => key === former)) continue;
            kept.set(former, { names, messages: [] });
          }
          return specs;
        },
        consume: async (start, { key, deliver }) => {
          const receiving = await start();
          for (const { body, headers, key: eventKey } of kept.get(key)?.messages ?? [])
            void deliver({ body, headers, key: eventKey, attempt: 1, deliveries: 1, signal: neverAborted() });
          kept.delete(key);
          return receiving;
        },
      };
    },
  ),

  broken(
    'leaves the events of a former name that an old process runs',
    'a consumer that is renamed while an old process runs it loses nothing',
    ({ running, keyOf }) => ({
      declare: (specs, { context }) =>
        specs.map((spec) => {
          const { formerly } = spec;
          const isRun = running().some(({ key }) => formerly !== undefined && key === keyOf(context, formerly));
          return isRun ? { ...spec, formerly: undefined } : spec;
        }),
    }),
  ),

  broken('keeps a consumer for ever', 'a consumer that no process has run for too long is removed', () => ({
    declare: (specs) => specs.map((spec) => ({ ...spec, expiresAfterMs: 1e9 })),
  })),

  broken('removes a consumer that is idle', 'a consumer that a process runs is not removed', ({ keyOf, drop }) => {
    const usedAt = new Map<string, { at: number; readonly spec: ConsumerSpec }>();
    return {
      declare: (specs, { context }) => {
        for (const spec of specs) usedAt.set(keyOf(context, spec.consumer), { at: Date.now(), spec });
        return specs;
      },
      publish: (message, send) => {
        for (const [key, { at, spec }] of usedAt)
          if (spec.names.includes(message.name) && Date.now() - at > spec.expiresAfterMs) drop(key, message.body);
        return send(message);
      },
    };
  }),
];
