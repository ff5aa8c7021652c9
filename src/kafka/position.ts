import { addLast, createFifo, type Fifo, takeFirst } from '../shared/fifo.ts';
import type { Cursor } from './fetch-loop.ts';

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
}

interface Start {
  readonly topic: string;
  readonly partition: number;
  readonly begin: bigint;
  readonly committed: bigint | undefined;
  readonly isRetry: boolean;
  readonly window: number;
}

export const createPosition = ({ begin, ...start }: Start): Position => ({
  ...start,
  begin,
  next: begin,
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

const firstOf = ({ list, taken }: Fifo<InHand>): InHand | undefined => list[taken];

/** Where a process that takes over has to begin: events end in any order, and are committed in theirs. */
export const handledUntil = (position: Position): bigint => {
  for (let first = firstOf(position.inHand); first?.isDone; first = firstOf(position.inHand))
    takeFirst(position.inHand);
  return firstOf(position.inHand)?.offset ?? position.next;
};

/** What is to be committed; nothing if that is known to the broker. */
export const toCommit = (position: Position): bigint | undefined => {
  const until = handledUntil(position);
  return until === (position.committed ?? position.begin) && position.committed !== undefined ? undefined : until;
};
