import { addFirst, addLast, createFifo, sizeOf, takeFirst } from '../shared/fifo.ts';

interface Entry<Item> {
  readonly item: Item;
  readonly signal: AbortSignal;
  /** Whether the broker may have it. */
  isSent: boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

interface Parts<Item> {
  readonly sendAll: (items: Item[]) => Promise<unknown>;
  readonly sizeOf: (item: Item) => number;
  /** Whether an error is about an item, and not about the broker. */
  readonly isRefusal: (error: unknown) => boolean;
  /** Aborted when nothing is sent any more. */
  readonly closed: AbortSignal;
  /** Called before a batch is repeated; resolves when it may be. */
  readonly pause: (error: unknown) => Promise<void>;
}

/** Half of what Kafka takes at once by default: there is more in a batch than its messages. */
const MAX_BYTES = 512 * 1024;

const notSent = (error: unknown): Error =>
  Object.assign(new Error(error instanceof Error ? error.message : String(error), { cause: error }), {
    outcome: 'not-sent',
  });

/**
 * Sends one batch at a time, and gathers the next meanwhile. A batch that fails is repeated before anything else is sent:
 * what was added first is at the broker first, whatever errors there are. An item is given up only once its signal is
 * aborted, or when it alone is refused.
 */
export const createBatches = <Item>({ sendAll, sizeOf: bytesOf, isRefusal, closed, pause }: Parts<Item>) => {
  const waiting = createFifo<Entry<Item>>();
  let isBusy = false;

  const take = (): Entry<Item>[] => {
    const batch: Entry<Item>[] = [];
    let bytes = 0;
    for (let entry = takeFirst(waiting); entry; entry = takeFirst(waiting)) {
      bytes += bytesOf(entry.item);
      if (bytes > MAX_BYTES && batch.length > 0) {
        addFirst(waiting, [entry]);
        break;
      }
      batch.push(entry);
    }
    return batch;
  };
  const keepWanted = (batch: readonly Entry<Item>[]): Entry<Item>[] =>
    batch.filter(({ signal, isSent, reject }) => {
      const { reason } = signal.aborted ? signal : closed;
      const isGivenUp = signal.aborted || closed.aborted;
      if (isGivenUp) reject(isSent ? reason : notSent(reason));
      return !isGivenUp;
    });
  const send = async (batch: readonly Entry<Item>[]): Promise<void> => {
    for (let due = keepWanted(batch); due.length > 0; due = keepWanted(due)) {
      try {
        await sendAll(due.map(({ item }) => item));
        for (const { resolve } of due) resolve();
        return;
      } catch (error) {
        if (!isRefusal(error)) {
          for (const entry of due) entry.isSent = true;
          await pause(error);
        } else if (due.length === 1) {
          for (const { reject, isSent } of due) reject(isSent ? error : notSent(error));
          return;
        } else {
          // One by one, so that only what is refused fails.
          for (const entry of due) await send([entry]);
          return;
        }
      }
    }
  };
  const run = async () => {
    isBusy = true;
    while (sizeOf(waiting) > 0) await send(take());
    isBusy = false;
  };

  /** Resolves once the broker has the item. */
  return (item: Item, signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      addLast(waiting, { item, signal, isSent: false, resolve, reject });
      if (!isBusy) void run();
    });
};
