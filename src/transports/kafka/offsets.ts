/** What of one partition has been handled: events end in any order, and are committed in theirs. */
export const createOffsets = () => {
  /** The offsets in hand, in the order in which they came, and whether each is done. */
  const inHand = new Map<bigint, boolean>();
  let committable: bigint | undefined;

  const take = (offset: bigint): void => {
    inHand.set(offset, false);
  };
  const finish = (offset: bigint): void => {
    inHand.set(offset, true);
    for (const [first, isDone] of inHand) {
      if (!isDone) return;
      inHand.delete(first);
      committable = first + 1n;
    }
  };
  /** Where a process that takes over has to begin, if that has moved since the last call. */
  const takeCommittable = (): bigint | undefined => {
    const offset = committable;
    committable = undefined;
    return offset;
  };

  return { take, finish, takeCommittable };
};

export type Offsets = ReturnType<typeof createOffsets>;
