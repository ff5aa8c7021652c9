import { broken } from './tools.ts';

export const brokenSessions = [
  broken('forgets the events of a transaction', 'an event of a transaction arrives once that has committed', () => ({
    publish: async (message, send, _, session) => (session === undefined ? send(message) : {}),
  })),

  broken(
    'does not wait for the commit',
    'an event of a transaction arrives neither before it commits nor after it was rolled back',
    () => ({ publish: (message, send) => send(message, { inSession: false }) }),
  ),
];
