import { addLast, createFifo, type Fifo, firstOf, takeFirst } from '../shared/fifo.ts';
import type { Cursor } from './fetch-loop.ts';
import { isSuspect, MANY, SUSPECTED_MS, SUSPECTS, type Suspicion, writeNote } from './suspicion.ts';

/** An event that was read, and whether it is handled. */
export interface InHand {
  readonly offset: bigint;
  isDone: boolean;
}

/** How far a partition of this process is read, handled and committed. */
export interface Position extends Cursor {
  readonly isRetry: boolean;
  /** How far it is read past its commit. */
  readonly window: number;
  /** Aborted when the partition may be another's. */
  readonly lost: AbortController;
  readonly inHand: Fifo<InHand>;
  /** `undefined`: nothing is committed, or something that does not count. */
  committed: bigint | undefined;
  /** Where reading has begun. */
  readonly begin: bigint;
  /** What is known of deaths at this place, until there is progress. */
  suspicion: Suspicion | undefined;
  /** Up to where events are handled alone, and until when. */
  readonly suspectUntil: bigint;
  readonly suspectUntilMs: number;
  /** What is committed beside the offset. */
  committedNote: string;
}

interface Start {
  readonly topic: string;
  readonly partition: number;
  readonly begin: bigint;
  readonly committed: bigint | undefined;
  readonly isRetry: boolean;
  readonly window: number;
  readonly suspicion: Suspicion;
}

export const createPosition = ({ begin, ...start }: Start): Position => ({
  ...start,
  begin,
  next: begin,
  suspectUntil: isSuspect(start.suspicion) ? (start.suspicion.alone?.offset ?? begin) + SUSPECTS : begin,
  suspectUntilMs: performance.now() + SUSPECTED_MS,
  committedNote: '',
  lost: new AbortController(),
  inHand: createFifo(),
});

/** How many events may be read before more is committed. */
export const roomOf = ({ committed, begin, next, window }: Position): number =>
  window - Number(next - (committed ?? begin));

/** Takes note of an event that is read. */
export const takeInHand = ({ inHand }: Position, offset: bigint): InHand => {
  const event = { offset, isDone: false };
  addLast(inHand, event);
  return event;
};

/** Where a process that takes over has to begin: events end in any order, and are committed in theirs. */
const handledUntil = (position: Position): bigint => {
  for (let first = firstOf(position.inHand); first?.isDone; first = firstOf(position.inHand))
    takeFirst(position.inHand);
  return firstOf(position.inHand)?.offset ?? position.next;
};

/** Whether an event may be the one that has killed its process again and again. */
export const isSuspected = ({ suspicion, suspectUntil, suspectUntilMs }: Position, offset: bigint): boolean =>
  suspicion !== undefined && offset < suspectUntil && performance.now() < suspectUntilMs;

/** How often an event was delivered, as far as it is known. */
export const deliveriesOf = ({ suspicion }: Position, offset: bigint): number => {
  if (!suspicion) return 1;
  const { opened, alone } = suspicion;
  if (alone) return alone.offset === offset ? alone.count + 1 : 1;
  // More is only said of an event that was handled alone: others may be innocent.
  return Math.min(Math.max(opened, 1), MANY);
};

const noteOf = (position: Position, until: bigint): string => {
  const { suspicion, begin } = position;
  if (suspicion && until > begin && !isSuspected(position, until)) position.suspicion = undefined;
  return position.suspicion ? writeNote(position.suspicion) : '';
};

/** What is to be committed; nothing if that is known to the broker. */
export const toCommit = (position: Position): { readonly offset: bigint; readonly note: string } | undefined => {
  const offset = handledUntil(position);
  const note = noteOf(position, offset);
  return offset === position.committed && note === position.committedNote ? undefined : { offset, note };
};
