import { broken, NEVER } from './tools.ts';

export const brokenPublishing = [
  broken(
    'rejects what nobody consumes',
    [
      'an event that nobody consumes is no error',
      // These publish what nobody consumes, too.
      'publish tells that no consumer gets the event',
      'a consumer does not get what was published before it was in force',
      'a consumer that moves to another event name gives the old one up',
      'a consumer that no process has run for too long is removed',
      'a tail that has ended leaves nothing for the next one',
      'a tail hears nothing once it is stopped',
    ],
    () => ({
      publish: async (message, send) => {
        const result = await send(message);
        if (result.unrouted) throw new Error('No route');
        return result;
      },
    }),
  ),

  broken(
    'never tells that nobody gets an event',
    [
      'publish tells that no consumer gets the event',
      // Nothing else tells that a consumer is gone.
      'a consumer that no process has run for too long is removed',
    ],
    () => ({
      publish: async (message, send) => {
        await send(message);
        return {};
      },
    }),
  ),

  broken(
    'tells of no consumer when no process runs it',
    'publish tells of no consumer only if there is none',
    ({ running }) => ({
      publish: async (message, send) => {
        const result = await send(message);
        return { unrouted: result.unrouted || !running().some(({ spec }) => spec.names.includes(message.name)) };
      },
    }),
  ),

  broken(
    'publishes only while the consumers of the process have room',
    'a handler can publish, also to its own consumer with a concurrency of 1',
    () => ({
      publish: (message, send, process) => {
        const isFull = [...process.running].some(({ open, spec }) => open.size >= spec.concurrency);
        return isFull ? NEVER : send(message);
      },
    }),
  ),

  broken('refuses an id that it has seen', 'an event can be published again with its id', () => {
    const seen = new Set<string>();
    return {
      publish: async (message, send) => {
        const identity = `${message.source} ${message.id}`;
        if (seen.has(identity)) throw new Error('Duplicate key');
        seen.add(identity);
        return send(message);
      },
    };
  }),

  broken('drops an id that it has seen', 'events of two sources are two events, also with one id', () => {
    const seen = new Set<string>();
    return {
      publish: async (message, send) => {
        if (seen.has(message.id)) return {};
        seen.add(message.id);
        return send(message);
      },
    };
  }),

  broken('hides a feature that it has', 'a transport has what its features say', () => ({
    rest: ({ features }) => ({ features: { ...features, tails: false } }),
  })),
];
