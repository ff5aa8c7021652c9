interface Entry<Item> {
  readonly item: Item;
  readonly signal: AbortSignal;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Half of what Kafka takes at once by default: there is more in a batch than its messages. */
const MAX_BYTES = 512 * 1024;

/**
 * Sends one batch at a time, and gathers the next meanwhile: nobody waits for others, and what was added first is sent
 * first. The client's own batching, a stream, ends at the first error and does not say whose it was.
 * @param isRefusal whether an error may be about one item alone
 */
export const createBatches = <Item extends { readonly value: Uint8Array }>(
  sendAll: (items: Item[]) => Promise<unknown>,
  isRefusal: (error: unknown) => boolean,
) => {
  const waiting: Entry<Item>[] = [];
  let busy = false;

  const take = (): Entry<Item>[] => {
    let bytes = 0;
    let count = 0;
    for (const { item } of waiting) {
      bytes += item.value.byteLength;
      if (bytes > MAX_BYTES && count > 0) break;
      count++;
    }
    return waiting.splice(0, count);
  };
  const send = async (batch: readonly Entry<Item>[]): Promise<void> => {
    try {
      await sendAll(batch.map(({ item }) => item));
      for (const { resolve } of batch) resolve();
    } catch (error) {
      // One by one, so that only what is refused fails.
      if (batch.length > 1 && isRefusal(error)) for (const entry of batch) await send([entry]);
      else for (const { reject } of batch) reject(error);
    }
  };
  const run = async () => {
    busy = true;
    while (waiting.length > 0) {
      const batch = take();
      for (const { signal, reject } of batch) if (signal.aborted) reject(signal.reason);
      const due = batch.filter(({ signal }) => !signal.aborted);
      if (due.length > 0) await send(due);
    }
    busy = false;
  };

  /** Resolves once the item has been sent. */
  return (item: Item, signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      waiting.push({ item, signal, resolve, reject });
      if (!busy) void run();
    });
};
