/** Runs what has the same key one after another, in the order of the calls, and what has none at once. */
export const createLanes = () => {
  const tails = new Map<string, Promise<unknown>>();

  return (key: string | undefined, run: () => Promise<void>): Promise<void> => {
    if (key === undefined) return run();
    const turn = (tails.get(key) ?? Promise.resolve()).then(run, run);
    tails.set(key, turn);
    const leave = () => {
      if (tails.get(key) === turn) tails.delete(key);
    };
    turn.then(leave, leave);
    return turn;
  };
};
