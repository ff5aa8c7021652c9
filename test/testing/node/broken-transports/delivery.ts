import type { Message, Outcome } from 'mapbus/transport';
import { broken, neverAborted, rewritten } from './tools.ts';

export const brokenDelivery = [
  broken(
    'writes what is no ASCII as a question mark',
    'an event arrives with its payload, id, source, time, metadata and key',
    () => ({
      publish: (message, send) => send({ ...message, body: message.body.replace(/[^\p{ASCII}]/gu, '?') }),
    }),
  ),

  broken('serialises bodies anew', 'a body arrives byte for byte', () => ({
    deliver: ({ delivery, run }) => run({ ...delivery, body: rewritten(delivery.body) }),
  })),

  broken('loses headers', 'the key and the headers of an event arrive beside its body', () => ({
    publish: (message, send) => send({ ...message, headers: {} }),
  })),

  broken('loses keys on the way', 'the key and the headers of an event arrive beside its body', () => ({
    deliver: ({ delivery, run }) => run({ ...delivery, key: undefined }),
  })),

  broken(
    'drops what a buffer of 100 has no room for',
    'each consumer of each service gets every event of five publishers',
    () => {
      let buffered = 0;
      const flush = () => {
        buffered = 0;
      };
      return {
        publish: async (message, send) => {
          if (buffered++ === 0) setImmediate(flush);
          return buffered > 100 ? {} : send(message);
        },
      };
    },
  ),

  broken(
    'starts a new consumer at the beginning of the log',
    'a consumer does not get what was published before it was in force',
    ({ declared, keyOf }) => {
      const log: Message[] = [];
      const missed = new Map<string, readonly Message[]>();
      return {
        publish: (message, send) => {
          log.push(message);
          return send(message);
        },
        declare: (specs, { context }) => {
          for (const { consumer, names } of specs) {
            const key = keyOf(context, consumer);
            const earlier = log.filter(({ name }) => names.includes(name));
            if (!declared.has(key)) missed.set(key, earlier);
          }
          return specs;
        },
        consume: async (start, { key, deliver }) => {
          const receiving = await start();
          for (const { body, headers, key: eventKey } of missed.get(key) ?? [])
            void deliver({ body, headers, key: eventKey, attempt: 1, deliveries: 1, signal: neverAborted() });
          missed.delete(key);
          return receiving;
        },
      };
    },
  ),

  broken('knows the first two names of a consumer', 'a consumer of three event names gets the events of each', () => ({
    declare: (specs) => specs.map((spec) => ({ ...spec, names: spec.names.slice(0, 2) })),
  })),

  broken(
    'starts the idle consumers of its process inside publish',
    'publish does not start consumers before it returns',
    () => {
      const begun = new Map<string, Promise<Outcome>>();
      return {
        publish: (message, send, process) => {
          for (const one of process.running) {
            const isBusy = one.open.size > 0 || [...begun.keys()].some((id) => id.startsWith(`${one.key} `));
            if (!one.spec.names.includes(message.name) || isBusy) continue;
            const { body, headers, key } = message;
            const delivery = { body, headers, key, attempt: 1, deliveries: 1, signal: neverAborted() };
            begun.set(`${one.key} ${body}`, one.deliver(delivery));
          }
          return send(message);
        },
        deliver: ({ delivery, running: { key }, run }) => {
          const id = `${key} ${delivery.body}`;
          const outcome = begun.get(id) ?? run();
          begun.delete(id);
          return outcome;
        },
      };
    },
  ),
];
