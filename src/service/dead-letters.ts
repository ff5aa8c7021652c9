import { check, readOptions } from '../shared/check.ts';
import type { Connection, StoredDeadLetter } from '../transport/index.ts';
import { open } from './envelope.ts';
import type { DeadLetter, DeadLetters } from './types.ts';

const toDeadLetter = ({ ref, consumer, reason, attempt, error, diedAt, body }: StoredDeadLetter): DeadLetter => {
  const event = open(body);
  return { ref, consumer, reason, attempt, error, diedAt, body, event: 'reason' in event ? undefined : event };
};

const refsOf = (letters: readonly { readonly ref: string }[]): string[] => {
  if (!Array.isArray(letters)) check('letters', letters, ['map']);
  return letters.map(({ ref }) => ref);
};

/** The dead letters of a service, as an operator sees them. */
export const createDeadLetters = ({ deadLetters: store }: Connection): DeadLetters => {
  const need = () => {
    if (!store) throw new TypeError('[mapbus] deadLetters: this transport keeps none');
    return store;
  };
  return {
    page: async (query = {}) => {
      readOptions('page options', query, { consumer: 'string', after: 'string', limit: 'positive integer' });
      const { consumer, after, limit = 100 } = query;
      const { letters, next } = await need().page({ consumer, after, limit });
      return { letters: letters.map(toDeadLetter), next };
    },
    redrive: async (letters) => need().redrive(refsOf(letters)),
    discard: async (letters) => need().discard(refsOf(letters)),
  };
};
