import type { DeadLetter, DeadLetters } from '../service/types.ts';
import type { LetterFilter } from './filter.ts';
import { toLetterMatcher } from './filter.ts';
import { countOf } from './plain.ts';
import type { Progress } from './progress.ts';

/** So many letters are asked for at once. */
const PAGE = 1_000;

interface Search {
  readonly letters: DeadLetters;
  readonly consumer?: string | undefined;
  readonly after?: string | undefined;
  readonly progress: Progress;
  readonly stopped: AbortSignal;
}

/** Gives one page of letters after another, until there are no more or the command is stopped. */
async function* pagesOf({ letters, consumer, after, progress, stopped }: Search) {
  let seen = 0;
  for (let cursor = after; ; ) {
    const page = await letters.page({ consumer, after: cursor, limit: PAGE });
    seen += page.letters.length;
    progress.tell(() => `Looked at ${countOf(seen, 'letter')}`);
    yield { ...page, after: cursor };
    if (page.next === undefined || stopped.aborted) return;
    cursor = page.next;
  }
}

/** Letters, and where the next ones begin. */
export interface Found {
  readonly letters: readonly DeadLetter[];
  /** `undefined` where no letter is left. */
  readonly next: string | undefined;
}

/** The letters that are asked for, the oldest first. */
export const findLetters = async (search: Search, filter: LetterFilter, limit: number): Promise<Found> => {
  const isWanted = toLetterMatcher(filter, Date.now());
  const { consumer } = filter;
  const found: DeadLetter[] = [];
  for await (const { letters, next, after } of pagesOf({ ...search, consumer })) {
    for (const [index, letter] of letters.entries()) {
      if (!isWanted(letter)) continue;
      found.push(letter);
      if (found.length < limit) continue;
      if (index === letters.length - 1) return { letters: found, next };
      // The cursor of a transport is that of a page: so the page ends here.
      const page = await search.letters.page({ consumer, after, limit: index + 1 });
      return { letters: found, next: page.next };
    }
  }
  return { letters: found, next: undefined };
};

/** Those of the letters that are still there, by their refs. */
export const findByRefs = async (search: Search, refs: readonly string[]): Promise<readonly DeadLetter[]> => {
  const wanted = new Set(refs);
  const found: DeadLetter[] = [];
  for await (const { letters } of pagesOf(search)) {
    for (const letter of letters) if (wanted.delete(letter.ref)) found.push(letter);
    if (wanted.size === 0) break;
  }
  return found;
};
