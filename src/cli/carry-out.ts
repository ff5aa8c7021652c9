import type { DeadLetter, DeadLetters } from '../service/types.ts';
import { explain, failedError } from './failure.ts';
import { findByRefs } from './find-letters.ts';
import { count, countOf } from './plain.ts';
import type { Progress } from './progress.ts';

/** RabbitMQ looks at all letters for each batch: so the number of batches has a bound. */
const SMALLEST_BATCH = 100;
const MOST_BATCHES = 50;

/** Why a letter is left that a transport has passed over without an error. */
const LEFT_BY_TRANSPORT = 'its consumer is gone, or another operator has it in hand: try again in a minute';

/** What became of the letters. */
export interface CarriedOut {
  /** How many were redriven or discarded. */
  readonly done: number;
  /** Those that are still there, and why. */
  readonly left: readonly { readonly letter: DeadLetter; readonly why: string }[];
  /** How many somebody else has redriven or discarded meanwhile. */
  readonly gone: number;
  /** How many were not begun, since the command was stopped. */
  readonly notBegun: number;
}

interface Parts {
  readonly letters: DeadLetters;
  readonly act: (letters: readonly DeadLetter[]) => Promise<number>;
  /** As in "Redriven". */
  readonly participle: string;
  readonly progress: Progress;
  readonly stopped: AbortSignal;
}

const byConsumer = (all: readonly DeadLetter[]): DeadLetter[][] => {
  const groups = new Map<string, DeadLetter[]>();
  for (const letter of all) groups.set(letter.consumer, [...(groups.get(letter.consumer) ?? []), letter]);
  return [...groups.values()];
};

/**
 * Redrives or discards letters in batches, the letters of one consumer after those of another. A stop ends it between two
 * batches. What a transport refuses stays, and the other consumers go on.
 */
export const carryOut = async (all: readonly DeadLetter[], parts: Parts): Promise<CarriedOut> => {
  const { letters, act, participle, progress, stopped } = parts;
  const size = Math.max(SMALLEST_BATCH, Math.ceil(all.length / MOST_BATCHES));
  const left: { letter: DeadLetter; why: string }[] = [];
  let done = 0;
  let gone = 0;
  let begun = 0;

  const stillThere = async (batch: readonly DeadLetter[]): Promise<readonly DeadLetter[]> => {
    const [{ consumer = undefined } = {}] = batch;
    const search = { letters, consumer, progress, stopped: new AbortController().signal };
    return findByRefs(
      search,
      batch.map(({ ref }) => ref),
    );
  };

  /** Tells whether letters of the batch are left. Rejects if it is not known what has become of it. */
  const failed = async (batch: readonly DeadLetter[], error: unknown): Promise<boolean> => {
    const why = explain(error);
    const rest = await stillThere(batch).catch(() => undefined);
    if (!rest) {
      const certain = `${participle} for certain: ${countOf(done, 'letter')}.`;
      const message = `${why}. ${certain} Of the next ${count(batch.length)} it is not known: a list shows what is left`;
      throw Object.assign(failedError(message), { cause: error });
    }
    done += batch.length - rest.length;
    left.push(...rest.map((letter) => ({ letter, why })));
    return rest.length > 0;
  };

  /** Tells whether the next batch of this consumer can follow. */
  const carryOutOne = async (batch: readonly DeadLetter[]): Promise<boolean> => {
    begun += batch.length;
    try {
      const number = await act(batch);
      done += number;
      if (number === batch.length) return true;
      const rest = await stillThere(batch);
      // On Postgres the consumer is gone, and on Kafka another operator has claimed them.
      left.push(...rest.map((letter) => ({ letter, why: LEFT_BY_TRANSPORT })));
      gone += batch.length - number - rest.length;
      return true;
    } catch (error) {
      // The error has come after the last letter: it says nothing of the next batch.
      return !(await failed(batch, error));
    }
  };

  for (const group of byConsumer(all)) {
    for (let start = 0; start < group.length && !stopped.aborted; start += size) {
      progress.tell(() => `${participle}: ${count(done)} of ${countOf(all.length, 'letter')}`);
      if (await carryOutOne(group.slice(start, start + size))) continue;
      const [last] = left.slice(-1);
      const rest = group.slice(start + size);
      begun += rest.length;
      if (last) left.push(...rest.map((letter) => ({ letter, why: last.why })));
      break;
    }
  }
  return { done, left, gone, notBegun: all.length - begun };
};
