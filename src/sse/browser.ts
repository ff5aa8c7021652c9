import type { Metadata } from '../bus/types.ts';
import { check } from '../shared/check.ts';
import type { SafeCall } from '../shared/safe-call.ts';
import type { Kept, KeptEvent } from './kept.ts';

/** The connection to a browser. */
export interface Sink {
  /** Whether what is written next leaves at once. */
  readonly isReady: () => boolean;
  readonly write: (text: string) => void;
  readonly end: () => void;
}

export type AnyAllow = (event: KeptEvent['event'], metadata: Metadata) => unknown;

interface Parts {
  readonly kept: Kept;
  readonly sink: Sink;
  readonly allow: AnyAllow;
  /** What the browser says it has seen last. */
  readonly lastEventId: unknown;
  readonly highWaterMark: number;
  readonly safeCall: SafeCall;
}

/** How many characters are written at once, or a few more. */
const BATCH = 65_536;

const isAllowed = ({ event, metadata }: KeptEvent, allow: AnyAllow, safeCall: SafeCall): boolean => {
  let answer: unknown;
  // Returned, since a promise may reject, which must not be an unhandled rejection.
  safeCall('allow', () => (answer = allow(event, metadata)));
  safeCall('allow', () => check('answer of allow', answer, 'boolean'));
  return answer === true;
};

/**
 * One connected browser. It has no queue of its own: it reads the kept events from its position on, as fast as it can. So
 * a slow one costs no memory, and nobody else anything.
 */
export const createBrowser = ({ kept, sink, allow, lastEventId, highWaterMark, safeCall }: Parts) => {
  const seen = lastEventId ? kept.find(lastEventId) : kept.last();
  let position = seen ?? kept.last();
  // One that comes back may have more to catch up on.
  const maxWaiting = Math.max(highWaterMark, kept.last() - position);

  const nextText = (): string => {
    let text = '';
    for (let next = kept.after(position); next && text.length < BATCH; next = kept.after(position)) {
      position++;
      if (isAllowed(next, allow, safeCall)) text += next.text;
    }
    return text;
  };
  /** Writes what can leave. Returns false for a browser that is too slow. */
  const pump = (): boolean => {
    if (kept.last() - position > maxWaiting) return false;
    while (position < kept.last() && sink.isReady()) {
      const text = nextText();
      if (text) sink.write(text);
    }
    return true;
  };
  // Firefox and WebKit take the number only from a block with data.
  const say = (event: 'gap' | 'position', before = ''): true => {
    sink.write(`${before}${kept.idOf(position)}event: ${event}\ndata: {}\n\n`);
    return true;
  };
  /** Says up to where it has all, so that it can go on from there also after events of others. */
  const beat = (): boolean => !sink.isReady() || say('position');
  // The number at once, for a browser that is cut off before its first event. Browsers that are cut off together come back
  // one after the other.
  say(seen === undefined ? 'gap' : 'position', `retry: ${Math.floor(1_000 + Math.random() * 1_000)}\n`);
  return { pump, beat, end: sink.end };
};

export type Browser = ReturnType<typeof createBrowser>;
