/** One piece of work at a time for each key, in the order of the calls. */
export const createTurns = () => {
  const last = new Map<string, Promise<void>>();

  /** Resolves when the turn has come. The function that it gives ends the turn. */
  const enter = async (key: string): Promise<() => void> => {
    const before = last.get(key);
    let end = () => {};
    const over = new Promise<void>((resolve) => {
      end = resolve;
    });
    last.set(key, over);
    await before;
    return () => {
      end();
      if (last.get(key) === over) last.delete(key);
    };
  };
  return { enter };
};
