import { sleep } from '../shared/sleep.ts';
import { isNotReady, isUnknownTopic } from './errors.ts';

const PAUSE_MS = 200;
const LIMIT_MS = 15_000;
/** Not each broker knows a new topic at once. */
const NEW_TOPIC_MS = 2_000;

/** Tries again while the broker is not ready, as shortly after its start. */
export const whenReady = async <Result>(ask: () => Promise<Result>): Promise<Result> => {
  const startedAt = performance.now();
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      const limitMs = isNotReady(error) ? LIMIT_MS : isUnknownTopic(error) ? NEW_TOPIC_MS : 0;
      if (performance.now() - startedAt > limitMs) throw error;
      await sleep(PAUSE_MS);
    }
  }
};
