/** What of one partition has been handled: events end in any order, and are committed in theirs. */
export const createOffsets = () => {
  /** The offsets in hand, in the order in which they came, and whether each is done. */
  const inHand = new Map<bigint, boolean>();
  let highest = -1n;
  let committable = -1n;
  let committed = -1n;

  /** Whether the event is new here: after a rebalance the client brings again what is in hand or not yet committed. */
  const take = (offset: bigint): boolean => {
    if (offset <= highest) return false;
    highest = offset;
    inHand.set(offset, false);
    return true;
  };
  const finish = (offset: bigint): void => {
    inHand.set(offset, true);
    for (const [first, isDone] of inHand) {
      if (!isDone) return;
      inHand.delete(first);
      committable = first + 1n;
    }
  };
  /** Where a process that takes over has to begin, if that has moved since it was last committed. */
  const toCommit = (): bigint | undefined => (committable > committed ? committable : undefined);
  const commit = (offset: bigint): void => {
    committed = offset;
  };

  return { take, finish, toCommit, commit };
};

export type Offsets = ReturnType<typeof createOffsets>;
