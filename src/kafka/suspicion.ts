/**
 * Kafka does not count deliveries. What is committed beside an offset tells the next owner of a partition how often it was
 * opened there without progress, and which event was in the hands of its owner alone.
 */
export interface Suspicion {
  /** How often the partition was opened where it is now. */
  readonly opened: number;
  /** The event that was handled alone, and how often. */
  readonly alone: { readonly offset: bigint; readonly count: number } | undefined;
}

/** From so many on, one event after another is handled alone, to find the one that kills its process. */
export const MANY = 3;
/** So many events may have been in hand. */
export const SUSPECTS = 1_000n;
/** After so long without a death, none of them was it. */
export const SUSPECTED_MS = 30_000;

const NOTE = /^mapbus (\d{1,6})(?: (\d{1,19}) (\d{1,6}))?$/;

export const readNote = (note: string | null | undefined): Suspicion => {
  const [, opened, offset, count] = NOTE.exec(note ?? '') ?? [];
  return {
    opened: Number(opened ?? 0),
    alone: offset === undefined ? undefined : { offset: BigInt(offset), count: Number(count) },
  };
};

export const writeNote = ({ opened, alone }: Suspicion): string =>
  alone ? `mapbus ${opened} ${alone.offset} ${alone.count}` : `mapbus ${opened}`;

/** @param hasEvents whether there is anything that its last owner could have had in hand */
export const openAgain = ({ opened, alone }: Suspicion, hasEvents: boolean): Suspicion =>
  hasEvents ? { opened: opened + 1, alone } : { opened: 1, alone: undefined };

export const isSuspect = ({ opened, alone }: Suspicion): boolean => alone !== undefined || opened >= MANY;
