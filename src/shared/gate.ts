import { addLast, createFifo, takeFirst } from './fifo.ts';

/** Lets so many in at once; the others wait in order. */
export interface Gate {
  readonly enter: () => Promise<void> | undefined;
  readonly leave: () => void;
}

export const createGate = (limit: number): Gate => {
  let inside = 0;
  const waiting = createFifo<() => void>();
  return {
    enter: () => {
      if (inside < limit) {
        inside++;
        return undefined;
      }
      return new Promise<void>((resolve) => addLast(waiting, resolve));
    },
    leave: () => {
      const next = takeFirst(waiting);
      if (next) next();
      else inside--;
    },
  };
};
