import { sleep } from '../shared/sleep.ts';
import { isNotReady, isUnknownTopic } from './errors.ts';

const PAUSE_MS = 200;
const LIMIT_MS = 15_000;
/** Not each broker knows a new topic at once. */
const NEW_TOPIC_MS = 2_000;

const tryFor = async <Result>(ask: () => Promise<Result>, unknownTopicMs: number): Promise<Result> => {
  const startedAt = performance.now();
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      const limitMs = isNotReady(error) ? LIMIT_MS : isUnknownTopic(error) ? unknownTopicMs : 0;
      if (performance.now() - startedAt > limitMs) throw error;
      await sleep(PAUSE_MS);
    }
  }
};

/** Tries again while the broker is not ready, as shortly after its start. */
export const whenReady = <Result>(ask: () => Promise<Result>): Promise<Result> => tryFor(ask, NEW_TOPIC_MS);

/** The same, about topics that exist: a broker under load may take seconds to hear of a new one. */
export const whenKnown = <Result>(ask: () => Promise<Result>): Promise<Result> => tryFor(ask, LIMIT_MS);
