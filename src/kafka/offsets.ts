/** An event that has been read, and whether it has been handled. */
interface InHand {
  readonly offset: bigint;
  isDone: boolean;
}

/** What of one partition has been handled: events end in any order, and are committed in theirs. */
export const createOffsets = () => {
  /** In the order in which they came. An array: it is short, and a map that is always filled and emptied makes garbage. */
  const inHand: InHand[] = [];
  let highest = -1n;
  let handled = -1n;
  let committed = 0n;

  /** Nothing for an event that is not new here: after a rebalance the client brings again what is not yet committed. */
  const take = (offset: bigint): InHand | undefined => {
    if (offset <= highest) return undefined;
    highest = offset;
    const event = { offset, isDone: false };
    inHand.push(event);
    return event;
  };
  const finish = (event: InHand): void => {
    event.isDone = true;
    for (let first = inHand[0]; first?.isDone; first = inHand[0]) {
      handled = first.offset;
      inHand.shift();
    }
  };
  /** Where a process that takes over has to begin, if that has moved since it was last committed. */
  const toCommit = (): bigint | undefined => (handled >= committed ? handled + 1n : undefined);
  const commit = (offset: bigint): void => {
    committed = offset;
  };

  return { take, finish, toCommit, commit };
};

export type Offsets = ReturnType<typeof createOffsets>;
