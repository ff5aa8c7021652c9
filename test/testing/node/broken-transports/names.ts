import { broken, neverAborted } from './tools.ts';
import type { Running } from './with-fault.ts';

export const brokenNames = [
  broken('does not tell capital letters', 'event names that look like each other do not meet', () => ({
    publish: (message, send) => send({ ...message, name: message.name.toLowerCase() }),
    declare: (specs) =>
      specs.map((spec) => ({ ...spec, names: [...new Set(spec.names.map((name) => name.toLowerCase()))] })),
    rest: ({ tail }) => ({
      tail: tail && ((names, tell) => tail([...new Set(names.map((name) => name.toLowerCase()))], tell)),
    }),
  })),

  broken(
    'joins service and consumer with a dash',
    'services and consumers of names that look alike do not meet',
    ({ running }) => {
      const queueOf = ({ process: { context }, spec }: Running) =>
        `${context.namespace} ${context.service}-${spec.consumer}`;
      return {
        deliver: ({ delivery, running: one, run }) => {
          const other = running().find((each) => each.key !== one.key && queueOf(each) === queueOf(one));
          return other ? other.deliver(delivery) : run();
        },
      };
    },
  ),

  broken(
    'calls the retries of a service like an event of its name',
    'events that are called like parts of a transport reach their consumers alone',
    ({ running }) => ({
      publish: (message, send) => {
        const isHit = ({ process }: Running) => message.name === `${process.context.service}.retry`;
        const { body, headers, key } = message;
        for (const one of running().filter(isHit))
          void one.deliver({ body, headers, key, attempt: 1, deliveries: 1, signal: neverAborted() });
        return send(message);
      },
    }),
  ),

  broken('knows no namespaces', 'namespaces do not meet', () => ({
    context: (context) => ({ ...context, namespace: '' }),
  })),
];
