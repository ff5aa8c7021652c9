import type { Delivery } from 'mapbus/transport';
import { blocksAt, broken, NEVER, parsed } from './tools.ts';
import { DONE } from './with-fault.ts';

const isNoJson = ({ body }: Delivery): boolean => {
  try {
    // Only text: what a foreign producer sends is bytes.
    if (typeof body === 'string') JSON.parse(body);
    return false;
  } catch {
    return true;
  }
};

const isNoEvent = (delivery: Delivery) => !isNoJson(delivery) && typeof parsed(delivery.body).type !== 'string';

export const brokenHostile = [
  broken('stops at what is no JSON', 'what is no JSON becomes a dead letter, and the next events go on', () =>
    blocksAt(isNoJson),
  ),

  broken('forgets what is no JSON', 'what is no JSON becomes a dead letter, and the next events go on', () => ({
    deliver: ({ delivery, run }) => (isNoJson(delivery) ? Promise.resolve(DONE) : run()),
  })),

  broken(
    'stops at an event without a type',
    'what is no CloudEvent becomes a dead letter, and the next events go on',
    () => blocksAt((delivery) => typeof delivery.body === 'string' && isNoEvent(delivery)),
  ),

  broken('stops at a body of 50 KB', 'what is too large becomes a dead letter, and the next events go on', () =>
    blocksAt(({ body }) => body.length > 50_000 && body.length < 100_000),
  ),

  broken(
    'has no room for an error beside a large event',
    'an event of the largest size is retried and given up like any other',
    () => ({
      deliver: async ({ delivery, run }) => {
        const outcome = await run();
        return outcome.is !== 'done' && delivery.body.length > 100_000 ? NEVER : outcome;
      },
    }),
  ),

  broken('drops events without a time', 'strange events arrive, and the next ones go on', () => ({
    deliver: ({ delivery, run }) => {
      const { id, type, time } = parsed(delivery.body);
      const isDropped = id !== undefined && type !== undefined && time === undefined;
      return isDropped && id !== 1 ? Promise.resolve(DONE) : run();
    },
  })),

  broken('obeys the header of an attempt', 'the headers of a publisher do not steer a transport', () => ({
    deliver: ({ delivery, run }) =>
      run({ ...delivery, attempt: Number(delivery.headers['mapbus-attempt'] ?? delivery.attempt) }),
  })),

  broken('obeys a header of its own', 'the headers of a publisher do not steer a transport', () => ({
    deliver: ({ delivery, run }) =>
      run({ ...delivery, attempt: Number(delivery.headers['x-own'] ?? delivery.attempt) }),
  })),

  broken('stops at a header without a value', 'the messages of a foreign producer block nothing', () =>
    blocksAt(({ headers }) => Object.values<unknown>(headers).includes(null)),
  ),
];
