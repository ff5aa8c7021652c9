import { checkCursor } from '../shared/cursor.ts';
import type { DeadLetterQuery, DeadLetterStore, StoredDeadLetter } from '../transport/index.ts';
import type { Look } from './look.ts';
import { type Letter, type Received, redriven } from './message.ts';
import type { Names } from './names.ts';
import type { Renamed } from './registry.ts';
import type { Sender } from './sender.ts';

/** When a letter died, and its ref. */
const CURSOR = /^(\d{1,16})\.(.+)$/s;
const NEVER = new AbortController().signal;
/** How long a name counts as known. From a rename until the old queue is deleted it takes a second at least. */
const KNOWN_MS = 500;

interface Parts {
  readonly names: Names;
  readonly look: Look;
  readonly sender: Sender;
  /** The name that a consumer has now, if it was renamed, and whether another consumer may have the old one. */
  readonly renamed: (consumer: string) => Promise<Renamed | undefined>;
}

/** The dead letters of a service. */
export const createStore = ({ names, look, sender, renamed }: Parts): DeadLetterStore => {
  const cursorOf = ({ ref, diedAt }: StoredDeadLetter) => `${diedAt.getTime()}.${ref}`;

  const page = async ({ consumer, after, limit }: DeadLetterQuery) => {
    checkCursor(after, CURSOR);
    const all: StoredDeadLetter[] = [];
    const refs = new Set<string>();
    const [, time = '', afterRef] = CURSOR.exec(after ?? '') ?? [];
    await look((letter) => {
      // A letter may be there twice after a cut.
      if (refs.has(letter.ref)) return 'keep';
      refs.add(letter.ref);
      if (letter.ref === afterRef) {
        all.length = 0;
        return 'keep';
      }
      // Where the letter of the cursor is gone, its time says where it was.
      if (after !== undefined && letter.diedAt.getTime() < Number(time)) return 'keep';
      if (consumer !== undefined && letter.consumer !== consumer) return 'keep';
      if (all.length <= limit) all.push(letter);
      return 'keep';
    });
    const letters = all.slice(0, limit);
    const lastLetter = letters.at(-1);
    return { letters, next: all.length > limit && lastLetter ? cursorOf(lastLetter) : undefined };
  };

  const known = new Map<string, { readonly at: number; readonly name: Promise<Renamed | undefined> }>();
  /** Asks once for many letters: who reads the record of a consumer holds it for a moment. */
  const presentName = (consumer: string): Promise<Renamed | undefined> => {
    const now = performance.now();
    const last = known.get(consumer);
    if (last && now - last.at < KNOWN_MS) return last.name;
    const name = renamed(consumer);
    known.set(consumer, { at: now, name });
    return name;
  };

  /** Gives the event back to its consumer, also if that was renamed. */
  const send = async (consumer: string, message: Received): Promise<void> => {
    const sendTo = ({ envelope, body }: Letter) => sender.send(envelope, body, NEVER);
    const next = await presentName(consumer);
    // What is sent to the old queue of a renamed consumer may be deleted with that queue.
    const isOwn = next === undefined || next.isFree;
    if (isOwn && !(await sendTo(redriven(message, names.queue(consumer))))) return;
    if (next && !(await sendTo(redriven(message, names.queue(next.consumer))))) return;
    throw new Error(`Cannot redrive: the queue of the consumer ${JSON.stringify(consumer)} is gone`);
  };

  const remove = async (
    refs: readonly string[],
    before: (letter: StoredDeadLetter, message: Received) => Promise<void>,
  ): Promise<number> => {
    const wanted = new Set(refs);
    const done = new Set<string>();
    await look(async (letter, message) => {
      if (!wanted.has(letter.ref)) return 'keep';
      if (!done.has(letter.ref)) await before(letter, message);
      done.add(letter.ref);
      return 'remove';
    });
    return done.size;
  };

  return {
    page,
    redrive: (refs) => remove(refs, ({ consumer }, message) => send(consumer, message)),
    discard: (refs) => remove(refs, async () => {}),
  };
};
