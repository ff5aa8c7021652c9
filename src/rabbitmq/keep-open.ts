import { jittered } from '../shared/jittered.ts';
import { pause } from './link.ts';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 1_000;

/** What goes on over one channel. */
export interface Piece {
  /** Resolves when nothing more comes over it. */
  readonly over: Promise<void>;
  /** Resolves when its channel has ended. */
  readonly ended: Promise<void>;
  /** Nothing more starts. What runs may end. */
  readonly stop: () => Promise<void>;
  /** Ends at once. */
  readonly close: () => Promise<void>;
}

export interface Kept {
  /** Resolves when it was stopped and nothing of it runs any more. */
  readonly ended: Promise<void>;
  readonly stop: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/**
 * Opens one piece after another, until it is stopped. Rejects if the first one cannot be opened.
 * @param open gives `undefined` when there is nothing more to open
 * @param failed is told the first of several errors
 */
export const keepOpen = async (
  open: () => Promise<Piece | undefined>,
  failed: (error: unknown) => void,
): Promise<Kept> => {
  /** Those on which something still runs, too. */
  const pieces = new Set<Piece>();
  let isStopped = false;

  const openOne = async (): Promise<Piece | undefined> => {
    const piece = await open();
    if (!piece) return undefined;
    pieces.add(piece);
    void piece.ended.then(() => pieces.delete(piece));
    // It may have been stopped meanwhile.
    if (isStopped) await piece.stop();
    return piece;
  };

  const run = async (first: Piece): Promise<void> => {
    let current: Piece | undefined = first;
    let waitMs = FIRST_PAUSE_MS;
    while (!isStopped) {
      await current?.over;
      if (isStopped) return;
      try {
        current = await openOne();
        if (!current) return;
        waitMs = FIRST_PAUSE_MS;
      } catch (error) {
        current = undefined;
        if (waitMs === FIRST_PAUSE_MS) failed(error);
        await pause(jittered(waitMs));
        waitMs = Math.min(waitMs * 2, LONGEST_PAUSE_MS);
      }
    }
  };

  const untilEnded = async (first: Piece): Promise<void> => {
    await run(first);
    await Promise.all([...pieces].map((piece) => piece.ended));
  };
  const first = await openOne();
  const ended = first ? untilEnded(first) : Promise.resolve();

  const stop = async (): Promise<void> => {
    isStopped = true;
    await Promise.all([...pieces].map((piece) => piece.stop()));
  };
  const close = async (): Promise<void> => {
    isStopped = true;
    await Promise.all([...pieces].map((piece) => piece.close()));
  };
  return { ended, stop, close };
};
