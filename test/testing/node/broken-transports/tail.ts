import type { Connection, Message } from 'mapbus/transport';
import { broken } from './tools.ts';

type Tail = NonNullable<Connection['tail']>;

const withTail =
  (change: (tail: Tail) => Tail) =>
  ({ tail }: Connection) =>
    tail ? { tail: change(tail) } : {};

export const brokenTail = [
  broken('tells twice', 'a tail hears each event once, in every process', () => ({
    rest: withTail(
      (tail) => (names, tell) =>
        tail(names, (body) => {
          tell(body);
          tell(body);
        }),
    ),
  })),

  broken('does not tell the process that published', 'a tail hears each event once, in every process', () => {
    const publishers = new Map<string, unknown>();
    return {
      publish: (message, send, process) => {
        publishers.set(message.body, process);
        return send(message);
      },
      rest: ({ tail }, process) => ({
        tail: tail && ((names, tell) => tail(names, (body) => publishers.get(String(body)) !== process && tell(body))),
      }),
    };
  }),

  broken('tells the first tail of a service all that was', 'a tail hears nothing from before it was there', () => {
    const log: Message[] = [];
    const heard = new Set<string>();
    return {
      publish: (message, send) => {
        log.push(message);
        return send(message);
      },
      rest: ({ tail }, { context: { service } }) => ({
        tail:
          tail &&
          (async (names, tell) => {
            const receiving = await tail(names, tell);
            for (const { name, body } of log) if (names.includes(name) && !heard.has(service)) tell(body);
            heard.add(service);
            return receiving;
          }),
      }),
    };
  }),

  broken('keeps events for a tail that has ended', 'a tail that has ended leaves nothing for the next one', () => {
    const kept = new Map<string, string[]>();
    return {
      publish: (message, send) => {
        for (const [id, bodies] of kept) if (id.endsWith(` ${message.name}`)) bodies.push(message.body);
        return send(message);
      },
      rest: ({ tail }, { context }) => ({
        tail:
          tail &&
          (async (names, tell) => {
            const receiving = await tail(names, tell);
            const ids = names.map((name) => `${context.service} ${name}`);
            for (const id of ids) {
              for (const body of kept.get(id) ?? []) tell(body);
              kept.delete(id);
            }
            return {
              stop: async () => {
                for (const id of ids) kept.set(id, []);
                await receiving.stop();
              },
            };
          }),
      }),
    };
  }),

  broken('does not stop a tail before it closes', 'a tail hears nothing once it is stopped', () => ({
    rest: ({ tail }, process) => ({
      tail:
        tail &&
        (async (names, tell) => {
          await tail(names, (body) => !process.isClosed && tell(body));
          return { stop: async () => {} };
        }),
    }),
  })),

  broken(
    'lets a tail take the place of a consumer',
    'a tail takes nothing away from consumers',
    ({ declared, drop }) => {
      const tailed = new Set<string>();
      return {
        publish: (message, send) => {
          for (const [key, names] of declared)
            if (names.has(message.name) && tailed.delete(message.name)) drop(key, message.body);
          return send(message);
        },
        rest: withTail((tail) => (names, tell) => {
          for (const name of names) tailed.add(name);
          return tail(names, tell);
        }),
      };
    },
  ),
];
